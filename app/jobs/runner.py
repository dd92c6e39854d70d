"""The job boundary: one attempt at a job, whatever happens in it."""

import logging
from collections.abc import Sequence
from typing import Any

from app.core.concurrency import seen_through
from app.core.database import Database
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.core.schemas import RequestModel
from app.core.work import Work, working_on
from app.jobs.models import Job
from app.jobs.monitor import JobMonitor
from app.jobs.partial import PartialResults
from app.jobs.scheduler import JobScheduler
from app.jobs.storage import Attempt, JobNoLongerActive, get_job, is_published, mark_failed, mark_started
from app.jobs.task import Reporter, RunningJob, TaskDefinition
from app.monitoring.alerts import AlertManager
from app.projects.access import holder
from app.storage.manager import StorageManager
from app.storage.trouble import storage_problem

# A job that brings its process down with it must not do so for ever.
MOST_INTERRUPTIONS = 20

logger = logging.getLogger(__name__)


class JobRunner:
    """Finds the body of a job and runs it; a failure ends in the job's row, never in the queue. An engine's
    outage is none: the job is put back."""

    def __init__(
        self,
        database: Database,
        storage: StorageManager,
        monitor: JobMonitor,
        alerts: AlertManager,
        scheduler: JobScheduler,
        worker: str,
    ) -> None:
        self._database = database
        self._storage = storage
        self._monitor = monitor
        self._alerts = alerts
        self._scheduler = scheduler
        self._worker = worker
        self._definitions: dict[str, TaskDefinition[Any]] = {}

    def define(self, definitions: Sequence[TaskDefinition[Any]]) -> None:
        self._definitions.update({definition.job_type: definition for definition in definitions})

    async def run(self, job_id: str, ticket: str) -> None:
        """Returns when the job is final or put back. Cancellation passes through and leaves the row alone."""
        try:
            await self._attempt(job_id, ticket)
        finally:
            self._monitor.tell_end(job_id)

    async def _attempt(self, job_id: str, ticket: str) -> None:
        try:
            async with self._database.write() as session:
                job = await mark_started(session, job_id, ticket, self._worker)
                attempt = Attempt(job.id, job.attempt)
                if job.interruptions >= MOST_INTERRUPTIONS:
                    problem = Problem(ErrorCode.INTERRUPTED_TOO_OFTEN, attempts=job.interruptions)
                    await mark_failed(session, attempt, problem)
                    return
        except JobNoLongerActive:
            return
        try:
            await self._storage.discard(job.folder)  # what killed attempts wrote
            await self._perform(job, attempt)
        except JobNoLongerActive:
            logger.info("job %s was ended or begun anew by somebody else", job.id)
        except Problem as problem:
            await self._fail(attempt, problem)
        except Exception as error:
            await self._fail(attempt, self._unexpected(job, error))
        finally:
            await seen_through(self._discard_unpublished(attempt, job.objects))

    async def assist(self, job_id: str, number: int) -> bool:
        """Fills the memo for a job that runs in another process, as the assistant of that `number` from 1 on.
        What comes of it, and what fails, the job finds out for itself. Returns whether there is nothing left
        to do; if not, something failed."""
        attempt = Attempt.of_assistant(job_id)
        try:
            async with self._database.read() as session:
                job = await get_job(session, job_id)
            reporter = self._monitor.reporter(attempt, job.estimated_seconds)
            partial = PartialResults(self._database, attempt)
            await self._run_body(job, attempt, reporter, partial, assistant=number)
        except JobNoLongerActive:
            return True
        except Exception as error:
            logger.warning("an assistant of job %s failed: %r", job_id, error)
            return False
        return True

    async def _perform(self, job: Job, attempt: Attempt) -> None:
        reporter = self._monitor.reporter(attempt, job.estimated_seconds)
        partial = PartialResults(self._database, attempt)
        async with reporter.running(), partial.published():
            await self._run_body(job, attempt, reporter, partial)

    async def _run_body(
        self, job: Job, attempt: Attempt, reporter: Reporter, partial: PartialResults, assistant: int = 0
    ) -> None:
        definition = self._definitions[job.job_type]
        request: RequestModel = definition.request_type.model_validate(job.request, strict=False)
        async with self._database.read() as session:
            project = await holder(session, job.video_id)
        work = Work(
            job.id,
            job.video_id,
            project.id if project else None,
            priority=job.priority,
            parent_id=job.parent_id,
            max_cost=job.max_cost,
            most_cost=project.most_cost if project else None,
            assistant=assistant,
        )
        async with self._storage.scratch_folder() as scratch:
            running = RunningJob(
                attempt, job.video_id, request, scratch, job.objects, reporter, self._database, partial
            )
            with working_on(work):
                await definition.run(running)

    async def _fail(self, attempt: Attempt, problem: Problem) -> None:
        try:
            if await self._scheduler.pause(attempt, problem):
                logger.warning("job %s is paused: %s", attempt.job_id, problem)
                return
            logger.warning("job %s failed: %s", attempt.job_id, problem)
            async with self._database.write() as session:
                await mark_failed(session, attempt, problem)
        except JobNoLongerActive:
            logger.info("job %s ended before its failure was noted", attempt.job_id)

    async def _discard_unpublished(self, attempt: Attempt, objects: str) -> None:
        """The row alone tells: an error after the last commit must not take away what it made visible."""
        async with self._database.read() as session:
            published = await is_published(session, attempt)
        if not published:
            await self._storage.discard(objects)

    def _unexpected(self, job: Job, error: Exception) -> Problem:
        if problem := storage_problem(error):
            return problem
        reference = new_id("err")
        self._alerts.unexpected_error(reference, f"job {job.id} ({job.job_type})", error)
        return Problem(ErrorCode.INTERNAL_ERROR, reference=reference)
