"""The job of the speech feature: every line spoken and put on the video's clock."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from weakref import WeakValueDictionary

from app.core.concurrency import all_of, meanwhile, side_by_side
from app.core.database import after_commit
from app.core.work import current_work
from app.jobs.models import JobType
from app.jobs.monitor import JobMonitor
from app.jobs.schemas import SpeechResult
from app.jobs.storage import get_job
from app.jobs.task import RunningJob, TaskDefinition
from app.memo import Memo, costs_since
from app.projects.quotas import discount
from app.storage.manager import StorageManager
from app.subtitles.storage import find_track as find_original
from app.translation.rewriting import Rewriter
from app.translation.storage import load_track as load_translation
from app.tts.ahead import NothingToFollow, ReadingAhead, translated_so_far
from app.tts.choosing import WordingChoice, limits_of
from app.tts.engines.base import TTSClient
from app.tts.foretelling import Foretelling
from app.tts.models import Speech, SpeechSegment
from app.tts.reading import LINES_IN_FLIGHT, Performance, Reading
from app.tts.rewording import Rewording
from app.tts.script import Script, lines_of, script_of, slots_of
from app.tts.speaking import Speaker
from app.tts.speech_task import SpeechTask
from app.tts.storage import (
    delivery_of,
    delivery_to_json,
    failure_to_json,
    find_speech,
    known_paces,
    load_speech,
    save_speech,
)
from app.tts.timeline import Placement
from app.tts.wording import LengthEstimate
from app.videos.models import ArtifactKind, Source
from app.videos.storage import get_video


@dataclass(frozen=True, slots=True)
class Dubbed:
    """A line at its place; `clip` is the key of its sound, None where it failed."""

    performance: Performance
    placement: Placement
    clip: str | None


@dataclass(frozen=True, slots=True)
class SpeechGeneration:
    """Chooses wordings and speaks them, plans the timeline, rewords what is too long, and fits the rest."""

    memo: Memo
    storage: StorageManager
    synthesizer: Callable[[], TTSClient]
    rewriter: Rewriter
    monitor: JobMonitor
    _turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def definition(self) -> TaskDefinition[SpeechTask]:
        return TaskDefinition(JobType.TTS_GENERATION, SpeechTask, self.run)

    async def run(self, job: RunningJob[SpeechTask]) -> None:
        """One at a time for a track: what is spoken again goes in beside what the job before it spoke. Who
        waits for a translation has no turn, or those that have a place in a queue would wait for it too."""
        request = job.request
        speaker = Speaker(
            self.synthesizer(), self.memo, self.storage, request.language, request.options.sample_rate
        )
        estimate = await self._estimate(job)
        async with side_by_side() as group:
            if request.follows is not None:
                await self._speak_ahead(job, request.follows, speaker, estimate, group)
            async with self._turns.setdefault((job.video_id, request.language), asyncio.Lock()):
                await self._generate(job, speaker, estimate)

    async def _speak_ahead(
        self,
        job: RunningJob[SpeechTask],
        translation_id: str,
        speaker: Speaker,
        estimate: LengthEstimate,
        group: asyncio.TaskGroup,
    ) -> None:
        """Returns as soon as the translation is there: what is being spoken then goes on in the `group`."""
        async with job.database.read() as session:
            duration = (await get_video(session, job.video_id)).duration
            original = await find_original(session, job.video_id)
            former = await find_speech(session, job.video_id, job.request.language)
        slots = slots_of(original.segments if original else (), duration)
        choice = WordingChoice(slots, duration, limits_of(job.request.options), estimate)
        ahead = ReadingAhead(speaker, choice, group, partial(_report_spoken, job))
        try:
            async for segments in translated_so_far(job.database, self.monitor, translation_id):
                lines = await asyncio.to_thread(lines_of, job.request, segments, former, duration)
                ahead.speak({line.id: line for line in lines})
        except NothingToFollow:
            await job.give_up()

    async def _generate(
        self, job: RunningJob[SpeechTask], speaker: Speaker, estimate: LengthEstimate
    ) -> None:
        script = await self._script(job)
        options = job.request.options
        limits = limits_of(options)
        choice = WordingChoice(script.slots, script.duration, limits, estimate, script.kept)
        rewording = Rewording(
            speaker,
            self.rewriter,
            script,
            limits,
            options.rewrites or 0,
            lambda count: job.report(0.8, "rewording", count=count),
        )
        foretelling = Foretelling(rewording, choice, job.partial.add)
        reading = Reading(speaker, script, choice, partial(_report_spoken, job), foretelling.spoken)
        async with meanwhile(foretelling.run()) if _has_listeners() else nullcontext():
            performed = await reading.read()
        fitted, placements = await rewording.fitted(performed)
        job.units_done()
        job.report(0.9, "placing_speech")
        fitted = await self._billed(job, fitted)
        clips = await _clips(speaker, script, fitted, placements)
        dubbed = [Dubbed(*parts) for parts in zip(fitted, placements, clips, strict=True)]
        await self._publish(job, script, dubbed)

    async def _billed(
        self, job: RunningJob[SpeechTask], performed: Sequence[Performance]
    ) -> tuple[Performance, ...]:
        """With what the job has paid elsewhere: by an assistant, or in an attempt that was interrupted."""
        free = [each.version.unit.key for each in performed if each.version is not None and each.cost == 0]
        async with job.database.read() as session:
            since = (await get_job(session, job.attempt.job_id)).created_at
        costs = await costs_since(job.database, free, since)
        return tuple(
            replace(each, cost=costs.get(each.version.unit.key, each.cost))
            if each.version is not None and each.cost == 0
            else each
            for each in performed
        )

    async def _estimate(self, job: RunningJob[SpeechTask]) -> LengthEstimate:
        """By how fast the voices spoke in this video before the job was asked for."""
        language = job.request.language
        async with job.database.read() as session:
            asked_at = (await get_job(session, job.attempt.job_id)).created_at
            paces = await known_paces(session, job.video_id, language, self.synthesizer().model, asked_at)
        return LengthEstimate(language, paces)

    async def _script(self, job: RunningJob[SpeechTask]) -> Script:
        request = job.request
        async with job.database.read() as session:
            video = await get_video(session, job.video_id)
            translation = await load_translation(session, job.video_id, request.language)
            load = find_speech if request.again is None else load_speech
            former = await load(session, job.video_id, request.language)
        return await asyncio.to_thread(script_of, request, translation, former, video.duration)

    async def _publish(self, job: RunningJob[SpeechTask], script: Script, dubbed: Sequence[Dubbed]) -> None:
        speech = self._row(job, script)
        segments = [_segment_row(job, line) for line in dubbed]
        async with job.completing() as completion:
            session = completion.session
            old = await session.get(Speech, (job.video_id, job.request.language))
            if old is not None:
                speech.created_at = old.created_at
                await discount(session, job.video_id, old.objects)
                after_commit(session, partial(self.storage.discard, old.objects))
            await save_speech(session, speech, segments, script.former, _made_from(job.request, script))
            await completion.finish(_result(speech, segments, _made_room(dubbed)))

    def _row(self, job: RunningJob[SpeechTask], script: Script) -> Speech:
        request = job.request
        return Speech(
            video_id=job.video_id,
            language=request.language,
            voice_id=request.voice_id or "",
            voices=request.voices,
            model_used=self.synthesizer().model,
            audio_format=request.audio_format,
            options=request.options.model_dump(mode="json"),
            objects=job.objects,
            duration=script.duration,
        )


def _made_from(request: SpeechTask, script: Script) -> tuple[Source, ...] | None:
    """Lines that are spoken again make the track one of the newest translation if the others say that too."""
    if request.again is not None and not _says_all_of(script):
        return None
    return (Source(ArtifactKind.TRANSLATION, request.language, script.translation.row.revision),)


def _says_all_of(script: Script) -> bool:
    """Whether the lines that are left as they were are what the translation has now, and no others."""
    heard = {segment.id: segment for segment in script.translation.voiced if segment.start < script.duration}
    rows = [line.former for line in script.lines if line.fixed and line.former is not None]
    return heard.keys() == {line.id for line in script.lines} and all(
        (row.translated_text, row.start_time, row.end_time, delivery_of(row).speaker)
        == (segment.text, segment.start, segment.end, segment.speaker)
        for row, segment in ((row, heard[row.id]) for row in rows)
    )


async def _clips(
    speaker: Speaker, script: Script, performed: Sequence[Performance], placements: Sequence[Placement]
) -> list[str | None]:
    """The keys of the lines' sounds. What is placed as it was before costs nothing."""
    in_flight = asyncio.Semaphore(LINES_IN_FLIGHT)
    old_files = script.former.row.objects if script.former else ""

    async def clip(performance: Performance, placement: Placement) -> str | None:
        row, version = performance.line.former, performance.version
        async with in_flight:
            if version is not None:
                return await speaker.fitted(version, performance.line.delivery, placement.speed)
            if row is None or not performance.line.fixed:
                return None
            is_old = row.clip is not None and row.clip.startswith(old_files)
            if placement.speed == row.speed and not is_old:
                return row.clip
            return await speaker.refitted(row, placement.speed)

    return await all_of(clip(*pair) for pair in zip(performed, placements, strict=True))


def _has_listeners() -> bool:
    """Whether this is a stage of a dub, whose sound is mixed meanwhile."""
    work = current_work()
    return work is not None and work.parent_id is not None and not work.assistant


def _report_spoken(job: RunningJob[SpeechTask], done: int, total: int) -> None:
    job.report(0.8 * done / max(1, total), "speaking", done=done, total=total)


def _segment_row(job: RunningJob[SpeechTask], dubbed: Dubbed) -> SpeechSegment:
    performance, placement = dubbed.performance, dubbed.placement
    line, version, failure = performance.line, performance.version, performance.failure
    if line.former is not None and placement == line.placed_before and dubbed.clip == line.former.clip:
        return line.former
    former = line.former if line.fixed else None
    return SpeechSegment(
        video_id=job.video_id,
        language=job.request.language,
        id=line.id,
        start_time=line.slot.start,
        end_time=line.slot.end,
        text=performance.text,
        translated_text=former.translated_text if former else line.wordings[0],
        clip=dubbed.clip,
        natural_duration=former.natural_duration if former else version and version.length,
        duration=placement.duration,
        placed_start=placement.start,
        speed=placement.speed,
        moved=placement.moved,
        borrowed=placement.borrowed,
        overflow=placement.overflow,
        delivery=delivery_to_json(line.delivery),
        attempts=former.attempts if former else performance.attempts,
        rewrites=former.rewrites if former else performance.rewrites,
        cost=former.cost if former else performance.cost,
        failure=former.failure if former else failure and failure_to_json(failure),
    )


def _made_room(dubbed: Iterable[Dubbed]) -> list[int]:
    """The lines that should have stayed as they were."""
    return [
        each.performance.line.id
        for each in dubbed
        if each.performance.line.fixed and each.placement != each.performance.line.placed_before
    ]


def _result(speech: Speech, segments: Sequence[SpeechSegment], made_room: list[int]) -> SpeechResult:
    failed = [segment.id for segment in segments if segment.failure is not None]
    spoken = [segment for segment in segments if segment.failure is None]
    return SpeechResult(
        audio_url=f"/api/videos/{speech.video_id}/audio?language={speech.language}",
        language=speech.language,
        voice_id=speech.voice_id,
        duration=round(sum(segment.duration for segment in spoken), 3),
        segments_count=len(segments),
        overflowing_segments=[segment.id for segment in spoken if segment.overflow > 0],
        moved_segments=made_room,
        partial=bool(failed),
        failed_segments=failed,
    )
