"""DubPipeline: starting a dub in one call, and telling beforehand what it would do."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.core.languages import AUTO
from app.jobs.models import Job, JobType
from app.jobs.monitor import estimate_seconds
from app.jobs.scheduler import JobScheduler
from app.jobs.task import Outlook, Workload
from app.jobs.terms import bounded
from app.ledger.prices import Estimate
from app.pipeline.plan import DubState, LanguageStages, Stages, stages_for, state_of
from app.pipeline.schemas import DubPlan, DubVideo, PlannedStage
from app.render.service import VideoGenerator
from app.subtitles.segments import Segment
from app.subtitles.service import SubtitleService
from app.translation.service import TranslationManager
from app.tts.schemas import GenerateSpeech
from app.tts.service import TTSManager, spoken_seconds
from app.videos.models import Video
from app.videos.storage import get_video

# Before there are subtitles: people take about so long for a line, and speak so much of the time.
SECONDS_PER_LINE = 4.0
SPOKEN_SHARE = 0.7
USUAL_LINE = "What people say in about three seconds."
NOTHING_THERE = Outlook(0, Estimate())

Look = Callable[[AsyncSession], Awaitable[Outlook]]


@dataclass(frozen=True, slots=True)
class StageServices:
    """What starts the stages."""

    subtitles: SubtitleService
    translations: TranslationManager
    speech: TTSManager
    videos: VideoGenerator

    def speech_request(self, needed: LanguageStages, request: DubVideo) -> GenerateSpeech:
        """For what speaks now. Raises `Problem(ENGINE_NOT_CONFIGURED)`."""
        return needed.speech_request(request, self.speech.model)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A stage before it is known how long it takes. `look` tells what it would find."""

    stage: JobType
    language: str | None
    made: bool
    unit: Literal["seconds", "segments"]
    units: float
    work: Workload
    look: Look


class DubPipeline:
    """The use cases of whole dubs."""

    def __init__(self, database: Database, scheduler: JobScheduler, stages: StageServices) -> None:
        self._database = database
        self._scheduler = scheduler
        self._stages = stages

    async def start(self, session: AsyncSession, video_id: str, request: DubVideo) -> Job:
        """Raises `Problem` for what would fail a stage later: no such video, no audio, an engine that is not
        configured or not able, no such voice, a limit on costs that are not known."""
        planned = [
            await _planned(session, draft, NOTHING_THERE)
            for draft in await self._drafts(session, video_id, request)
        ]
        work = Workload(self._longest_chain(planned), JobType.DUB, 1.0)
        return await self._scheduler.start(session, JobType.DUB, video_id, request, "pipeline", work, request)

    async def plan(self, video_id: str, request: DubVideo) -> DubPlan:
        """Raises as `start` does."""
        async with self._database.read() as session:
            drafts = await self._drafts(session, video_id, request)
            planned = [
                await _planned(session, draft, await draft.look(session) if draft.made else NOTHING_THERE)
                for draft in drafts
            ]
        costs = [stage.estimated_cost for stage in planned]
        known = [cost for cost in costs if cost is not None]
        return DubPlan(
            video_id=video_id,
            stages=planned,
            estimated_time=self._longest_chain(planned),
            estimated_cost=sum(known) if len(known) == len(costs) else None,
        )

    async def _check(self, video: Video, state: DubState, stages: Stages, request: DubVideo) -> None:
        if stages.original:
            self._stages.subtitles.check_extraction(video, request.extraction())
        source = state.original.row.language if state.original else request.source_language
        source = video.source_language if source == AUTO else source
        for language in stages.languages:
            if language.translation:
                self._stages.translations.check_limit(request.translation(language.language))
            if language.translation and source != AUTO:
                self._stages.translations.check_pair(source, language.language)
            if language.speech:
                await self._stages.speech.settled(self._stages.speech_request(language, request))

    async def _drafts(self, session: AsyncSession, video_id: str, request: DubVideo) -> list[_Draft]:
        """In the order they are done. Raises as `start` does."""
        video = await get_video(session, video_id)
        state = await state_of(session, video_id, request)
        stages = stages_for(state, request)
        await self._check(video, state, stages, await bounded(session, video_id, request))
        return [
            self._hearing(video, stages.original, request),
            *(
                draft
                for needed in stages.languages
                for draft in self._of_language(video, state, needed, request)
            ),
        ]

    def _hearing(self, video: Video, made: bool, request: DubVideo) -> _Draft:
        service = self._stages.subtitles
        work = service.extraction_work(video)

        async def look(session: AsyncSession) -> Outlook:
            """What there is of it cannot be told without listening to the sound."""
            return Outlook(0, service.extraction_cost(video, request.extraction()))

        return _Draft(JobType.SUBTITLE_EXTRACTION, None, made, "seconds", video.duration, work, look)

    def _of_language(
        self, video: Video, state: DubState, needed: LanguageStages, request: DubVideo
    ) -> Iterator[_Draft]:
        name, there, services = needed.language, needed.there, self._stages
        original = state.original.segments if state.original else _usual_segments(video)
        segments = there.translation.voiced if there.translation else original
        source = state.original.row.language if state.original else request.source_language
        following = needed.translation and services.speech.can_follow
        speaking = services.speech.work(spoken_seconds(segments), following=following)

        async def look_at_translation(session: AsyncSession) -> Outlook:
            return await services.translations.outlook(session, original, source, request.translation(name))

        async def look_at_speech(session: AsyncSession) -> Outlook:
            spoken = services.speech_request(needed, request)
            return await services.speech.outlook(session, video, segments, there.speech, spoken)

        async def look_at_video(session: AsyncSession) -> Outlook:
            """What there is of it hangs on the speech, and it costs nothing but time."""
            return NOTHING_THERE

        lines = len(segments)
        yield _Draft(
            JobType.TRANSLATION,
            name,
            needed.translation,
            "segments",
            lines,
            services.translations.work(lines),
            look_at_translation,
        )
        yield _Draft(JobType.TTS_GENERATION, name, needed.speech, "segments", lines, speaking, look_at_speech)
        yield _Draft(
            JobType.VIDEO_GENERATION,
            name,
            needed.video,
            "seconds",
            video.duration,
            services.videos.work(video, needed.video_request(request)),
            look_at_video,
        )

    def _longest_chain(self, stages: Sequence[PlannedStage]) -> int:
        """What all share, and then the language that takes longest; translation and speech may go
        together."""
        seconds = {(stage.language, stage.stage): stage.estimated_seconds for stage in stages}
        together = self._stages.speech.can_follow

        def chain(language: str) -> float:
            both = [seconds[language, kind] for kind in (JobType.TRANSLATION, JobType.TTS_GENERATION)]
            return (max(both) if together else sum(both)) + seconds[language, JobType.VIDEO_GENERATION]

        languages = {stage.language for stage in stages if stage.language is not None}
        shared = seconds[None, JobType.SUBTITLE_EXTRACTION]
        return max(1, round(shared + max(map(chain, languages))))


async def _planned(session: AsyncSession, draft: _Draft, outlook: Outlook) -> PlannedStage:
    units = round(draft.units)
    ready = outlook.ready if draft.made else units
    left = replace(draft.work, units=draft.work.units * (1 - ready / max(1, units)))
    return PlannedStage(
        stage=draft.stage,
        language=draft.language,
        action="make" if draft.made else "keep",
        unit=draft.unit,
        units=units,
        units_ready=ready,
        estimated_seconds=await estimate_seconds(session, left) if draft.made else 0.0,
        estimated_cost=outlook.cost.dollars,
        unpriced_model=outlook.cost.unpriced,
    )


def _usual_segments(video: Video) -> list[Segment]:
    """Before there are any: as many as people usually need, with as much in them."""
    return [
        Segment(number, number * SECONDS_PER_LINE, (number + SPOKEN_SHARE) * SECONDS_PER_LINE, USUAL_LINE)
        for number in range(round(video.duration / SECONDS_PER_LINE))
    ]
