"""DubPipeline: starting a dub in one call, and telling beforehand what it would do."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.languages import AUTO
from app.jobs.models import Job, JobType
from app.jobs.monitor import estimate_seconds
from app.jobs.scheduler import JobScheduler
from app.jobs.task import Workload
from app.pipeline.plan import DubState, LanguageStages, LanguageState, Stages, stages_for, state_of
from app.pipeline.schemas import DubPlan, DubVideo, PlannedStage
from app.render.service import VideoGenerator
from app.subtitles.service import SubtitleService
from app.translation.service import TranslationManager
from app.tts.service import TTSManager, spoken_seconds
from app.videos.models import Video
from app.videos.storage import get_video

# Before there are subtitles: people take about so long for a line, and speak so much of the time.
SECONDS_PER_LINE = 4.0
SPOKEN_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class StageServices:
    """What starts the stages."""

    subtitles: SubtitleService
    translations: TranslationManager
    speech: TTSManager
    videos: VideoGenerator


@dataclass(frozen=True, slots=True)
class _Draft:
    """A stage before it is known how long it takes; `ready` of the `units` are there."""

    stage: JobType
    language: str | None
    made: bool
    unit: str
    units: float
    work: Workload

    @property
    def ready(self) -> int:
        return 0 if self.made else round(self.units)


class DubPipeline:
    """The use cases of whole dubs."""

    def __init__(self, scheduler: JobScheduler, stages: StageServices) -> None:
        self._scheduler = scheduler
        self._stages = stages

    async def start(self, session: AsyncSession, video_id: str, request: DubVideo) -> Job:
        """Raises `Problem` for what would fail a stage later: no such video, no audio, an engine that is not
        configured or not able, no such voice, a limit on costs that are not known."""
        plan = await self.plan(session, video_id, request)
        work = Workload(plan.estimated_time, JobType.DUB, 1.0)
        return await self._scheduler.start(session, JobType.DUB, video_id, request, "pipeline", work, request)

    async def plan(self, session: AsyncSession, video_id: str, request: DubVideo) -> DubPlan:
        """Raises as `start` does."""
        video = await get_video(session, video_id)
        state = await state_of(session, video_id, request)
        stages = stages_for(state, request)
        await self._check(video, state, stages, request)
        planned = [
            PlannedStage(
                stage=draft.stage,
                language=draft.language,
                action="make" if draft.made else "keep",
                unit="seconds" if draft.unit == "seconds" else "segments",
                units=round(draft.units),
                units_ready=draft.ready,
                estimated_seconds=await estimate_seconds(session, draft.work) if draft.made else 0.0,
            )
            for draft in self._drafts(video, state, stages, request)
        ]
        together = self._stages.speech.can_follow
        return DubPlan(video_id=video_id, stages=planned, estimated_time=_longest_chain(planned, together))

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
                await self._stages.speech.settled(request.speech(language.language))

    def _drafts(self, video: Video, state: DubState, stages: Stages, request: DubVideo) -> Iterator[_Draft]:
        heard = self._stages.subtitles.extraction_work(video)
        yield _Draft(JobType.SUBTITLE_EXTRACTION, None, stages.original, "seconds", video.duration, heard)
        for language, needed in zip(state.languages, stages.languages, strict=True):
            yield from self._of_language(video, state, language, needed, request)

    def _of_language(
        self, video: Video, state: DubState, there: LanguageState, needed: LanguageStages, request: DubVideo
    ) -> Iterator[_Draft]:
        lines, seconds = _extent(video, state, there)
        name = there.language
        following = needed.translation and self._stages.speech.can_follow
        translating = self._stages.translations.work(lines)
        speaking = self._stages.speech.work(seconds, following=following)
        rendering = self._stages.videos.work(video, request.video(name))
        yield _Draft(JobType.TRANSLATION, name, needed.translation, "segments", lines, translating)
        yield _Draft(JobType.TTS_GENERATION, name, needed.speech, "segments", lines, speaking)
        yield _Draft(JobType.VIDEO_GENERATION, name, needed.video, "seconds", video.duration, rendering)


def _extent(video: Video, state: DubState, there: LanguageState) -> tuple[int, float]:
    """How many lines, and how many seconds of speech."""
    track = there.translation or state.original
    if track is None:
        return round(video.duration / SECONDS_PER_LINE), video.duration * SPOKEN_SHARE
    return len(track.segments), spoken_seconds(track.segments)


def _longest_chain(stages: list[PlannedStage], together: bool) -> int:
    """What all share, and then the language that takes longest; translation and speech may go `together`."""
    seconds = {(stage.language, stage.stage): stage.estimated_seconds for stage in stages}

    def chain(language: str) -> float:
        both = [seconds[language, kind] for kind in (JobType.TRANSLATION, JobType.TTS_GENERATION)]
        return (max(both) if together else sum(both)) + seconds[language, JobType.VIDEO_GENERATION]

    languages = {stage.language for stage in stages if stage.language is not None}
    shared = seconds[None, JobType.SUBTITLE_EXTRACTION]
    return max(1, round(shared + max(map(chain, languages))))
