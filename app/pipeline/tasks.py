"""The job of the pipeline: it starts the stages of a dub, waits for them, and tells how far all of it is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import all_of
from app.core.errors import ErrorCode, Problem
from app.jobs.models import Job, JobStatus, JobType
from app.jobs.monitor import JobMonitor
from app.jobs.schemas import DubbedLanguage, DubResult
from app.jobs.storage import hold_current, stages_of
from app.jobs.task import RunningJob, TaskDefinition
from app.pipeline.plan import LanguageStages, Stages, stages_for, state_of
from app.pipeline.schemas import DubVideo
from app.pipeline.service import StageServices
from app.tts.storage import failed_lines

LOOKING_SECONDS = 0.5

Start = Callable[[AsyncSession], Awaitable[Job]]


class StageFailed(Exception):
    """A stage of a language came to nothing; its row tells why."""

    def __init__(self, stage: Job) -> None:
        super().__init__(stage.id)
        self.stage = stage

    @property
    def problem(self) -> Problem:
        if self.stage.status is JobStatus.CANCELLED or self.stage.error is None:
            return Problem(ErrorCode.STAGE_CANCELLED, task_id=self.stage.id)
        return Problem.recorded(ErrorCode(self.stage.error), self.stage.error_details or {})


@dataclass(slots=True)
class _Outcome:
    """What has become of a language so far."""

    language: str
    task_ids: list[str] = field(default_factory=list)
    failure: StageFailed | None = None


@dataclass(frozen=True, slots=True)
class Dubbing:
    """Runs the stages that are missing: the transcription once, then the languages side by side.

    One that fails does not stop the others. A stage is a task of its own: after a crash the ones that run
    are found again by what they do.
    """

    stages: StageServices
    monitor: JobMonitor

    def definition(self) -> TaskDefinition[DubVideo]:
        return TaskDefinition(JobType.DUB, DubVideo, self.run)

    async def run(self, job: RunningJob[DubVideo]) -> None:
        async with job.database.read() as session:
            needed = stages_for(await state_of(session, job.video_id, job.request), job.request)
        async with _progress(job, needed):
            if needed.original:
                await self._original(job)
            outcomes = await all_of(self._language(job, language) for language in needed.languages)
        failures = [outcome.failure for outcome in outcomes if outcome.failure is not None]
        if len(failures) == len(outcomes):
            raise failures[0].problem
        await self._publish(job, outcomes)

    async def _original(self, job: RunningJob[DubVideo]) -> None:
        request = job.request.extraction()
        try:
            await self._done(
                job, lambda session: self.stages.subtitles.start_extraction(session, job.video_id, request)
            )
        except StageFailed as failure:
            raise failure.problem from failure

    async def _language(self, job: RunningJob[DubVideo], needed: LanguageStages) -> _Outcome:
        outcome = _Outcome(needed.language)
        try:
            for start in self._starts(job, needed):
                outcome.task_ids.append((await self._done(job, start)).id)
        except StageFailed as failure:
            outcome.failure = failure
        return outcome

    def _starts(self, job: RunningJob[DubVideo], needed: LanguageStages) -> Sequence[Start]:
        request, video_id, language = job.request, job.video_id, needed.language
        starts: list[Start] = []
        if needed.translation:
            translation = request.translation(language)
            starts.append(lambda session: self.stages.translations.start(session, video_id, translation))
        if needed.speech:
            speech = request.speech(language)
            starts.append(lambda session: self.stages.speech.start(session, video_id, speech))
        if needed.video:
            video = request.video(language)
            starts.append(lambda session: self.stages.videos.start(session, video_id, video))
        return starts

    async def _done(self, job: RunningJob[DubVideo], start: Start) -> Job:
        """The stage once it is completed. Raises `StageFailed`."""
        async with job.database.write() as session:
            await hold_current(session, job.attempt)
            stage = await start(session)
        stage = await self.monitor.finished(stage.id)
        if stage.status is not JobStatus.COMPLETED:
            raise StageFailed(stage)
        return stage

    async def _publish(self, job: RunningJob[DubVideo], outcomes: Sequence[_Outcome]) -> None:
        async with job.completing() as completion:
            languages = [await _result(completion.session, job.video_id, outcome) for outcome in outcomes]
            partial = any(each.partial or each.status == "failed" for each in languages)
            await completion.finish(DubResult(video_id=job.video_id, languages=languages, partial=partial))


async def _result(session: AsyncSession, video_id: str, outcome: _Outcome) -> DubbedLanguage:
    here = f"/api/videos/{video_id}/dubbed-videos/{outcome.language}"
    failure = outcome.failure
    return DubbedLanguage(
        language=outcome.language,
        status="completed" if failure is None else "failed",
        task_ids=outcome.task_ids,
        url=f"{here}/file" if failure is None else None,
        download_url=f"{here}/download" if failure is None else None,
        partial=bool(await failed_lines(session, video_id, outcome.language)),
        error=None if failure is None else failure.problem.code,
        failed_task_id=None if failure is None else failure.stage.id,
    )


@asynccontextmanager
async def _progress(job: RunningJob[DubVideo], needed: Stages) -> AsyncIterator[None]:
    """Meanwhile the job tells how far its stages are."""
    looking = asyncio.create_task(_look(job, max(1, needed.count)))
    try:
        yield
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


async def _look(job: RunningJob[DubVideo], total: int) -> None:
    while True:
        async with job.database.read() as session:
            stages = await stages_of(session, job.attempt.job_id)
        done = sum(stage.status is JobStatus.COMPLETED for stage in stages)
        shares = sum(stage.progress / 100 for stage in stages if stage.status is JobStatus.PROCESSING)
        job.report(min(1.0, (done + shares) / total), "dubbing", done=min(done, total), total=total)
        await asyncio.sleep(LOOKING_SECONDS)
