"""JobScheduler: which job starts, where it waits, and when it starts again."""

import hashlib
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database, after_commit
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.core.schemas import RequestModel
from app.jobs.models import ACTIVE, RETRYABLE, Job, JobType
from app.jobs.monitor import estimate_seconds
from app.jobs.queue import JobQueue
from app.jobs.storage import active_jobs, find_running, get_job, mark_cancelled, reset_for_retry
from app.jobs.task import QueueName, Workload


class JobScheduler:
    """Everything that puts work into the queue or takes it out goes through here."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    async def start(
        self,
        session: AsyncSession,
        job_type: JobType,
        video_id: str,
        request: RequestModel,
        queue: QueueName,
        work: Workload,
    ) -> Job:
        """A new job, or the one that already does exactly this. It is queued when `session` commits."""
        fingerprint = _fingerprint(job_type, video_id, request)
        running = await find_running(session, fingerprint)
        if running is not None:
            return running
        job = Job(
            id=new_id("task"),
            video_id=video_id,
            job_type=job_type,
            queue=queue,
            request=request.model_dump(mode="json"),
            fingerprint=fingerprint,
            units=work.units,
            rate_key=work.rate_key,
            estimated_seconds=await estimate_seconds(session, work),
        )
        session.add(job)
        await session.flush()
        after_commit(session, partial(self._queue.put, job.id, queue))
        return job

    async def cancel(self, session: AsyncSession, job_id: str) -> Job:
        """Raises `Problem(TASK_NOT_FOUND)` or `Problem(TASK_NOT_ACTIVE)`."""
        job = await get_job(session, job_id)
        if job.status not in ACTIVE:
            raise Problem(ErrorCode.TASK_NOT_ACTIVE, task_id=job_id, status=job.status)
        await mark_cancelled(session, job_id)
        await session.refresh(job)
        after_commit(session, partial(self._queue.cancel, job_id))
        return job

    async def cancel_all(self, session: AsyncSession, video_id: str) -> None:
        """Ends every active job of a video."""
        for job in await active_jobs(session, video_id):
            await mark_cancelled(session, job.id)
            after_commit(session, partial(self._queue.cancel, job.id))

    async def retry(self, session: AsyncSession, job_id: str) -> Job:
        """The same job once more; finished units come from the memo.

        Raises `Problem(TASK_NOT_FOUND)` or `Problem(TASK_NOT_RETRYABLE)`.
        """
        job = await get_job(session, job_id)
        if job.status not in RETRYABLE:
            raise Problem(ErrorCode.TASK_NOT_RETRYABLE, task_id=job_id, status=job.status)
        running = await find_running(session, job.fingerprint)
        if running is not None:
            return running
        reset_for_retry(job)
        await session.flush()
        after_commit(session, partial(self._queue.put_again, job_id, _queue_of(job)))
        return job

    async def recover(self, database: Database) -> None:
        """At start: a job whose row says active but whose workflow never began, or ended without the
        row being told, is queued again."""
        async with database.read() as session:
            jobs = await active_jobs(session)
        for job in jobs:
            await self._queue.put_again(job.id, _queue_of(job))


def _queue_of(job: Job) -> QueueName:
    return "api" if job.queue == "api" else "cpu"


def _fingerprint(job_type: JobType, video_id: str, request: RequestModel) -> str:
    material = "\n".join((job_type, video_id, request.model_dump_json()))
    return hashlib.sha256(material.encode()).hexdigest()
