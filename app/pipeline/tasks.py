"""The job of the pipeline: it starts the stages of a dub, waits for them, and tells how far all of it is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import all_of, meanwhile
from app.core.errors import ErrorCode, Problem
from app.jobs.models import Details, Job, JobStatus, JobType
from app.jobs.monitor import JobMonitor
from app.jobs.scheduler import JobScheduler
from app.jobs.schemas import DubbedLanguage, DubResult
from app.jobs.storage import active_stages, hold_current, stages_of
from app.jobs.task import RunningJob, TaskDefinition
from app.pipeline.ahead import mix_ahead
from app.pipeline.plan import LanguageStages, stages_for, state_of
from app.pipeline.schemas import DubVideo
from app.pipeline.service import StageServices
from app.render.head_start import HeadStarts
from app.translation.models import Translation
from app.tts.storage import failed_lines

LOOKING_SECONDS = 0.5
_PAUSED = {
    JobType.SUBTITLE_EXTRACTION: "dubbing_transcription_paused",
    JobType.TRANSLATION: "dubbing_translation_paused",
    JobType.TTS_GENERATION: "dubbing_speech_paused",
    JobType.VIDEO_GENERATION: "dubbing_video_paused",
}

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
    """Runs the stages that are missing: the transcription once, then the languages side by side, each with
    its speech beside its translation where the engine allows that.

    A language that fails does not stop the others. A stage is a task of its own: after a crash the ones that
    run are found again by what they do.
    """

    stages: StageServices
    monitor: JobMonitor
    scheduler: JobScheduler
    head_starts: HeadStarts

    def definition(self) -> TaskDefinition[DubVideo]:
        return TaskDefinition(JobType.DUB, DubVideo, self.run)

    async def run(self, job: RunningJob[DubVideo]) -> None:
        async with job.database.read() as session:
            needed = stages_for(await state_of(session, job.video_id, job.request), job.request)
            before = await stages_of(session, job.attempt.job_id)
        total = needed.count + sum(stage.status is JobStatus.COMPLETED for stage in before)
        async with meanwhile(_look(job, max(1, total))):
            if needed.original:
                await self._original(job)
            outcomes = await all_of(self._language(job, language) for language in needed.languages)
        failures = [outcome.failure for outcome in outcomes if outcome.failure is not None]
        if len(failures) == len(outcomes):
            raise failures[0].problem
        await self._publish(job, outcomes)

    async def _original(self, job: RunningJob[DubVideo]) -> None:
        start = self.stages.subtitles.start_extraction
        try:
            await self._completed(
                await self._begun(
                    job, partial(start, video_id=job.video_id, request=job.request.extraction())
                )
            )
        except StageFailed as failure:
            raise failure.problem from failure

    async def _language(self, job: RunningJob[DubVideo], needed: LanguageStages) -> _Outcome:
        outcome = _Outcome(needed.language)
        try:
            await self._complete(job, needed, outcome.task_ids)
        except StageFailed as failure:
            outcome.failure = failure
        return outcome

    async def _complete(self, job: RunningJob[DubVideo], needed: LanguageStages, done: list[str]) -> None:
        """All stages; those that are `done` are put there. Raises `StageFailed`."""
        translation = speech = None
        if needed.translation and needed.speech and self.stages.speech.can_follow:
            translation, speech = await self._start_together(job, needed)
        elif needed.translation:
            begun = await self._begun(job, partial(self._translate, job=job, language=needed.language))
            done.append(await self._completed(begun))
        if needed.speech and speech is None:
            speech = await self._begun(job, partial(self._speak, job=job, needed=needed))
        async with self._mixing_ahead(job, needed, speech):
            if translation is not None:
                done.append(await self._followed(job, translation, needed.language))
            if speech is not None:
                done.append(await self._completed(speech))
            if needed.video:
                video = needed.video_request(job.request)
                start = partial(self.stages.videos.start, video_id=job.video_id, request=video)
                done.append(await self._completed(await self._begun(job, start)))

    def _mixing_ahead(
        self, job: RunningJob[DubVideo], needed: LanguageStages, speech: Job | None
    ) -> AbstractAsyncContextManager[None]:
        if speech is None or not needed.video:
            return nullcontext()
        return meanwhile(mix_ahead(job, self.head_starts, speech.id, needed.video_request(job.request)))

    async def _followed(self, job: RunningJob[DubVideo], translation: Job, language: str) -> str:
        """A translation, without which what follows it is nothing. Raises `StageFailed`."""
        try:
            return await self._completed(translation)
        except StageFailed:
            async with job.database.write() as session:
                await self._call_off_speech(session, job, language)
            raise

    async def _start_together(self, job: RunningJob[DubVideo], needed: LanguageStages) -> tuple[Job, Job]:
        """The translation, and the speech that follows it."""
        language = needed.language
        async with job.database.write() as session:
            await hold_current(session, job.attempt)
            translation = await self._translate(session, job, language)
            await self._call_off_speech(session, job, language, but_of=translation.id)
            request = self.stages.speech_request(needed, job.request)
            return translation, await self.stages.speech.start_following(session, translation, request)

    async def _translate(self, session: AsyncSession, job: RunningJob[DubVideo], language: str) -> Job:
        request = job.request.translation(language)
        return await self.stages.translations.start(session, job.video_id, request)

    async def _speak(self, session: AsyncSession, job: RunningJob[DubVideo], needed: LanguageStages) -> Job:
        """What followed a translation that completed right before a crash goes on."""
        running = await _active_speech(session, job, needed.language)
        if running:
            return running[0]
        request = self.stages.speech_request(needed, job.request)
        return await self.stages.speech.start(session, job.video_id, request)

    async def _call_off_speech(
        self, session: AsyncSession, job: RunningJob[DubVideo], language: str, but_of: str | None = None
    ) -> None:
        """It follows another translation than `but_of`, which is not to be had any more."""
        for stage in await _active_speech(session, job, language):
            if stage.request.get("follows") != but_of:
                await self.scheduler.call_off(session, stage.id)

    async def _begun(self, job: RunningJob[DubVideo], start: Start) -> Job:
        async with job.database.write() as session:
            await hold_current(session, job.attempt)
            return await start(session)

    async def _completed(self, stage: Job) -> str:
        """The id of the stage once it is completed. Raises `StageFailed`."""
        stage = await self.monitor.finished(stage.id)
        if stage.status is not JobStatus.COMPLETED:
            raise StageFailed(stage)
        return stage.id

    async def _publish(self, job: RunningJob[DubVideo], outcomes: Sequence[_Outcome]) -> None:
        async with job.completing() as completion:
            languages = [await _result(completion.session, job.video_id, outcome) for outcome in outcomes]
            partial = any(each.partial or each.status == "failed" for each in languages)
            await completion.finish(DubResult(video_id=job.video_id, languages=languages, partial=partial))


async def _active_speech(session: AsyncSession, job: RunningJob[DubVideo], language: str) -> Sequence[Job]:
    stages = await active_stages(session, job.attempt.job_id)
    speech = [stage for stage in stages if stage.job_type is JobType.TTS_GENERATION]
    return [stage for stage in speech if stage.request["language"] == language]


async def _result(session: AsyncSession, video_id: str, outcome: _Outcome) -> DubbedLanguage:
    here = f"/api/videos/{video_id}/dubbed-videos/{outcome.language}"
    failure = outcome.failure
    return DubbedLanguage(
        language=outcome.language,
        status="completed" if failure is None else "failed",
        task_ids=outcome.task_ids,
        url=f"{here}/file" if failure is None else None,
        download_url=f"{here}/download" if failure is None else None,
        partial=await _is_partial(session, video_id, outcome.language),
        error=None if failure is None else failure.problem.code,
        failed_task_id=None if failure is None else failure.stage.id,
    )


async def _is_partial(session: AsyncSession, video_id: str, language: str) -> bool:
    """Whether there are lines that could not be translated or spoken."""
    translation = await session.get(Translation, (video_id, language))
    untranslated = translation is not None and bool(translation.untranslated)
    return untranslated or await failed_lines(session, video_id, language) > 0


async def _look(job: RunningJob[DubVideo], total: int) -> None:
    """Tells again and again how far the stages are."""
    while True:
        async with job.database.read() as session:
            stages = await stages_of(session, job.attempt.job_id)
        done = sum(stage.status is JobStatus.COMPLETED for stage in stages)
        shares = sum(stage.progress / 100 for stage in stages if stage.status is JobStatus.PROCESSING)
        message, details = _word_of(stages)
        job.report(min(1.0, (done + shares) / total), message, done=min(done, total), total=total, **details)
        await asyncio.sleep(LOOKING_SECONDS)


def _word_of(stages: Sequence[Job]) -> tuple[str, Details]:
    """What there is to say of them: which one waits, if one does, where and until when."""
    paused = [stage for stage in stages if stage.status is JobStatus.QUEUED and stage.not_before is not None]
    if not paused:
        return "dubbing", {}
    stage = paused[0]
    language = stage.request.get("target_language", stage.request.get("language"))
    return _PAUSED[stage.job_type], {"language": str(language), "until": stage.message_details["until"]}
