"""The job of the speech feature: every line spoken and put on the video's clock."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

from app.core.concurrency import all_of, seen_through
from app.core.database import after_commit
from app.jobs.models import JobType
from app.jobs.schemas import SpeechResult
from app.jobs.task import RunningJob, TaskDefinition
from app.media.audio import Audio, AudioFormat, encode, read_audio, write_wav
from app.media.ffmpeg import FFmpegWrapper, media_input, media_output
from app.memo import Memo, Unit
from app.storage.manager import StorageManager
from app.subtitles.cues import without_markup
from app.subtitles.segments import Segment
from app.translation.storage import load_track as load_translation
from app.tts.engines.base import SpeechRequest, TTSClient
from app.tts.models import Speech, SpeechSegment
from app.tts.schemas import RegenerateSpeech
from app.tts.segments import deliver, fit
from app.tts.service import SpeechTask
from app.tts.storage import (
    Delivery,
    delivery_of,
    delivery_to_json,
    load_speech,
    save_speech,
)
from app.tts.timeline import Placement, Slot, plan_timeline
from app.tts.track import write_track
from app.videos.storage import get_video

TRACK = "track.wav"
LINES_IN_FLIGHT = 32


@dataclass(frozen=True, slots=True)
class Line:
    """A translated segment and how it is to be spoken."""

    segment: Segment
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Script:
    """Everything to be spoken: the lines in order, for a video of `duration` seconds."""

    lines: tuple[Line, ...]
    duration: float


@dataclass(frozen=True, slots=True)
class SpeechGeneration:
    """Speaks the lines in parallel, plans the timeline, and writes the track in one pass."""

    memo: Memo
    storage: StorageManager
    ffmpeg: FFmpegWrapper
    synthesizer: Callable[[], TTSClient]
    _turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def definition(self) -> TaskDefinition[SpeechTask]:
        return TaskDefinition(JobType.TTS_GENERATION, SpeechTask, self.run)

    async def run(self, job: RunningJob[SpeechTask]) -> None:
        """One at a time for a track: what is spoken again goes in beside what the job before it spoke."""
        turn = self._turns.setdefault((job.video_id, job.request.language), asyncio.Lock())
        async with turn:
            await self._generate(job)

    async def _generate(self, job: RunningJob[SpeechTask]) -> None:
        script = await self._script(job)
        lengths = await self._speak(job, script)
        options = job.request.options
        job.report(0.85, "placing_speech")
        placements = plan_timeline(
            [Slot(line.segment.id, line.segment.start, line.segment.end) for line in script.lines],
            lengths,
            video_duration=script.duration,
            min_gap=options.silence_padding,
        )
        keys = await self._store_segments(job, placements)
        await self._store_track(job, script, placements)
        await self._publish(job, script, placements, keys)

    async def _script(self, job: RunningJob[SpeechTask]) -> Script:
        request = job.request
        async with job.database.read() as session:
            video = await get_video(session, job.video_id)
            translation = await load_translation(session, job.video_id, request.language)
            former: dict[int, Delivery] = {}
            if request.again is not None:
                spoken = await load_speech(session, job.video_id, request.language)
                former = {segment.id: delivery_of(segment) for segment in spoken.segments}
        # A file that a user brought may go on after the video's end; nobody would hear that.
        heard = [segment for segment in translation.segments if segment.start < video.duration]
        return Script(
            tuple(Line(segment, _delivery(request, segment.id, former.get(segment.id))) for segment in heard),
            video.duration,
        )

    async def _speak(self, job: RunningJob[SpeechTask], script: Script) -> list[float]:
        """Leaves each line's speech in the scratch folder and returns its seconds."""
        engine = self.synthesizer()
        rate = job.request.options.sample_rate
        in_flight = asyncio.Semaphore(LINES_IN_FLIGHT)
        total = len(script.lines)
        done = 0

        async def speak(line: Line) -> float:
            nonlocal done
            async with in_flight:
                raw = await self._recall(engine, line, job.request.language)
                path = _path(job.scratch, line.segment.id)
                length = await asyncio.to_thread(_deliver_to, path, raw, line.delivery, rate)
            done += 1
            job.report(0.85 * done / total, "speaking", done=done, total=total)
            return length

        job.report(0.0, "speaking", done=0, total=total)
        return await all_of(speak(line) for line in script.lines)

    async def _recall(self, engine: TTSClient, line: Line, language: str) -> bytes:
        delivery = line.delivery
        request = SpeechRequest(
            " ".join(without_markup(line.segment.text).split()), language, delivery.voice_id, engine.model
        )
        unit = Unit(
            kind="speech",
            engine=engine.name,
            model=engine.model,
            content=request.text,
            parameters=(("language", language), ("take", delivery.take), ("voice", delivery.voice_id)),
        )

        async def speak() -> bytes:
            audio = await engine.speak(request)
            return await seen_through(asyncio.to_thread(write_wav, audio))

        return await self.memo.recall(unit, speak)

    async def _store_segments(
        self, job: RunningJob[SpeechTask], placements: Sequence[Placement]
    ) -> dict[int, str]:
        """Each line as it is placed, as a file of its own. Returns the keys by segment id."""
        job.report(0.88, "encoding_audio")
        keys: dict[int, str] = {}
        for placement in placements:
            encoded = await asyncio.to_thread(
                _fit_and_encode, _path(job.scratch, placement.id), placement.speed, job.request.audio_format
            )
            keys[placement.id] = f"{job.objects}segments/{placement.id}"
            await self.storage.put_bytes(keys[placement.id], encoded)
        return keys

    async def _store_track(
        self, job: RunningJob[SpeechTask], script: Script, placements: Sequence[Placement]
    ) -> None:
        rate = job.request.options.sample_rate
        track = job.scratch / TRACK
        write = partial(
            write_track,
            _clips(job.scratch, placements),
            sample_rate=rate,
            total_samples=round(script.duration * rate),
            out=track,
        )
        await asyncio.to_thread(write)
        await self.storage.put_file(f"{job.objects}{TRACK}", track)
        if job.request.audio_format == "mp3":
            audio = job.scratch / "audio.mp3"
            sound = media_input(track)["a"]
            graph = media_output(audio, sound, **{"c:a": "libmp3lame", "b:a": "128k", "f": "mp3"})
            await self.ffmpeg.run(graph, duration=script.duration)
            await self.storage.put_file(f"{job.objects}audio.mp3", audio)

    async def _publish(
        self,
        job: RunningJob[SpeechTask],
        script: Script,
        placements: Sequence[Placement],
        keys: dict[int, str],
    ) -> None:
        language = job.request.language
        speech = self._row(job, script)
        segments = [
            _segment_row(job, line, placement, keys[placement.id])
            for line, placement in zip(script.lines, placements, strict=True)
        ]
        async with job.completing() as completion:
            session = completion.session
            old = await session.get(Speech, (job.video_id, language))
            if old is not None:
                speech.created_at = old.created_at
                after_commit(session, partial(self.storage.delete_prefix, old.objects))
            await save_speech(session, speech, segments)
            await completion.finish(
                SpeechResult(
                    audio_url=f"/api/videos/{job.video_id}/audio?language={language}",
                    language=language,
                    voice_id=speech.voice_id,
                    duration=round(sum(placement.duration for placement in placements), 3),
                    segments_count=len(segments),
                    overflowing_segments=[place.id for place in placements if place.overflow > 0],
                )
            )

    def _row(self, job: RunningJob[SpeechTask], script: Script) -> Speech:
        request = job.request
        return Speech(
            video_id=job.video_id,
            language=request.language,
            voice_id=request.voice_id or "",
            model_used=self.synthesizer().model,
            audio_format=request.audio_format,
            options=request.options.model_dump(mode="json"),
            objects=job.objects,
            track_path=f"{job.objects}{TRACK}",
            audio_path=f"{job.objects}audio.mp3"
            if request.audio_format == "mp3"
            else f"{job.objects}{TRACK}",
            duration=script.duration,
        )


def _delivery(request: SpeechTask, segment_id: int, former: Delivery | None) -> Delivery:
    """Of a track that is spoken again, only the segments named change."""
    if former is None or request.again is None:
        options = request.options
        return Delivery(request.voice_id or "", options.speaking_rate, options.pitch, options.volume_gain_db)
    return _retaken(former, request.again) if segment_id in request.again.segment_ids else former


def _retaken(former: Delivery, again: RegenerateSpeech) -> Delivery:
    """As before but for what is given."""
    spoken = replace(former, voice_id=again.voice_id or former.voice_id, take=former.take + 1)
    if again.options is None:
        return spoken
    return replace(
        spoken,
        speaking_rate=again.options.speaking_rate,
        pitch=again.options.pitch,
        volume_gain_db=again.options.volume_gain_db,
    )


def _segment_row(job: RunningJob[SpeechTask], line: Line, placement: Placement, key: str) -> SpeechSegment:
    return SpeechSegment(
        video_id=job.video_id,
        language=job.request.language,
        id=line.segment.id,
        start_time=line.segment.start,
        end_time=line.segment.end,
        text=line.segment.text,
        audio_path=key,
        duration=placement.duration,
        placed_start=placement.start,
        speed=placement.speed,
        moved=placement.moved,
        borrowed=placement.borrowed,
        overflow=placement.overflow,
        delivery=delivery_to_json(line.delivery),
    )


def _path(scratch: Path, segment_id: int) -> Path:
    return scratch / f"{segment_id}.wav"


def _deliver_to(path: Path, raw: bytes, delivery: Delivery, sample_rate: int) -> float:
    audio = deliver(raw, delivery, sample_rate)
    path.write_bytes(write_wav(audio))
    return audio.duration


def _fit_and_encode(path: Path, speed: float, audio_format: AudioFormat) -> bytes:
    audio = fit(read_audio(path.read_bytes()), speed)
    path.write_bytes(write_wav(audio))
    return encode(audio, audio_format, audio.sample_rate)


def _clips(scratch: Path, placements: Sequence[Placement]) -> Iterator[tuple[float, Audio]]:
    for placement in placements:
        yield placement.start, read_audio(_path(scratch, placement.id).read_bytes())
