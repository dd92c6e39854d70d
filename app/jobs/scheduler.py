"""JobScheduler: which job starts, where it waits, and when it starts again."""

import asyncio
import hashlib
import itertools
import logging
from collections.abc import Collection
from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import stopped
from app.core.database import Database, after_commit, take_turn, utc_now
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.core.schemas import RequestModel
from app.core.work import current_work
from app.jobs.events import record
from app.jobs.models import ACTIVE, RETRYABLE, EventKind, Job, JobType, QueueName
from app.jobs.monitor import estimate_seconds
from app.jobs.pausing import Pauses
from app.jobs.queue import JobQueue, Standing, TicketState
from app.jobs.schemas import TERMS, TaskTerms
from app.jobs.storage import (
    Attempt,
    active_beside,
    active_jobs,
    active_stages,
    find_running,
    get_job,
    held_job,
    hold_current,
    jobs_with,
    mark_cancelled,
    mark_retried,
    put_back,
)
from app.jobs.task import Workload
from app.jobs.workers import HEARTBEAT_SECONDS, ROLL, forget_workers, known_workers, silent_workers
from app.projects.access import project_of
from app.projects.quotas import begin_work
from app.storage.manager import StorageManager

ROUNDS_PER_RECOVERY = 15
# By then the queue has taken up again what this process worked on before it died: the rest went astray.
SETTLING_SECONDS = 1.2

logger = logging.getLogger(__name__)


async def _begin(session: AsyncSession, video_id: str) -> None:
    """Within the quotas of its project, whose tasks begin one after the other. Raises
    `Problem(QUOTA_REACHED)`."""
    await take_turn(session, await project_of(session, video_id) or video_id)
    await begin_work(session, video_id, await active_beside(session, video_id))


class JobScheduler:
    """Everything that puts work into the queue or takes it out goes through here.

    The rows come first: the queue is told after the commit, and looked after for what it was not told.
    """

    def __init__(self, database: Database, queue: JobQueue, storage: StorageManager, pauses: Pauses) -> None:
        self._database = database
        self._queue = queue
        self._storage = storage
        self._pauses = pauses
        self._keeper: asyncio.Task[None] | None = None

    async def start(
        self,
        session: AsyncSession,
        job_type: JobType,
        video_id: str,
        request: RequestModel,
        queue: QueueName,
        work: Workload,
        terms: TaskTerms,
    ) -> Job:
        """A new job, or the one that already does exactly this. It is queued when `session` commits.

        One that a job starts is a stage of that. Raises `Problem(QUOTA_REACHED)`.
        """
        starter = current_work()
        await take_turn(session, video_id)
        fingerprint = _fingerprint(job_type, video_id, request)
        running = await find_running(session, fingerprint)
        if running is not None:
            return running
        if starter is None:
            await _begin(session, video_id)
        job = Job(
            id=new_id("task"),
            video_id=video_id,
            job_type=job_type,
            queue=queue,
            ticket=new_id("ticket"),
            request=request.model_dump(mode="json", exclude=TERMS),
            parent_id=starter and starter.task_id,
            priority=terms.priority if starter is None else starter.priority,
            max_cost=terms.max_cost if starter is None else starter.max_cost,
            reference=terms.reference,
            fingerprint=fingerprint,
            units=work.units,
            rate_key=work.rate_key,
            estimated_seconds=await estimate_seconds(session, work),
        )
        session.add(job)
        await session.flush()
        record(session, EventKind.QUEUED, job)
        self._put_after_commit(session, job)
        return job

    async def cancel(self, session: AsyncSession, job_id: str) -> Job:
        """Raises `Problem(TASK_NOT_FOUND)` or `Problem(TASK_NOT_ACTIVE)`."""
        job = await held_job(session, job_id)
        if job.status not in ACTIVE:
            raise Problem(ErrorCode.TASK_NOT_ACTIVE, task_id=job_id, status=job.status)
        await self._cancel(session, job)
        await session.refresh(job)
        return job

    async def call_off(self, session: AsyncSession, job_id: str) -> None:
        """Cancels the job unless it has ended by itself. Raises `Problem(TASK_NOT_FOUND)`."""
        job = await held_job(session, job_id)
        if job.status in ACTIVE:
            await self._cancel(session, job)

    async def cancel_all(self, session: AsyncSession, video_id: str) -> None:
        """Ends every active job of a video."""
        await take_turn(session, video_id)
        for job in await active_jobs(session, video_id):
            await session.refresh(job)
            if job.status in ACTIVE:
                await self._cancel(session, job)

    async def retry(self, session: AsyncSession, job_id: str, max_cost: float | None = None) -> Job:
        """The same job once more, under another limit of costs if one is given; finished units come from the
        memo.

        Raises `Problem`: TASK_NOT_FOUND, TASK_NOT_RETRYABLE or QUOTA_REACHED.
        """
        job = await held_job(session, job_id)
        if job.status not in RETRYABLE:
            raise Problem(ErrorCode.TASK_NOT_RETRYABLE, task_id=job_id, status=job.status)
        running = await find_running(session, job.fingerprint)
        if running is not None:
            return running
        await _begin(session, job.video_id)
        if max_cost is not None:
            job.max_cost = max_cost
        mark_retried(session, job)
        await session.flush()
        self._put_after_commit(session, job)
        return job

    async def pause(self, attempt: Attempt, problem: Problem) -> bool:
        """Whether the job, which met `problem`, goes on by itself later. One that only waits for its stages
        does not: they have waited themselves. Raises `JobNoLongerActive`."""
        async with self._database.write() as session:
            await hold_current(session, attempt)
            job = await get_job(session, attempt.job_id)
            until = self._pauses.until(problem, job.paused_since, utc_now())
            if until is None or job.job_type is JobType.DUB:
                return False
            put_back(session, job, problem, until)
            await session.flush()
            self._put_after_commit(session, job)
        return True

    async def launch(self) -> None:
        """Gives back to the queue what dead processes left and, from then on, whatever goes astray."""
        await self.reap()
        async with self._database.read() as session:
            alive = await known_workers(session)
        await self.recover(alive)
        self._keeper = asyncio.create_task(self._keep_recovering())

    async def close(self) -> None:
        await stopped(self._keeper)

    async def reap(self) -> None:
        """The jobs of processes that have died go back to the queue at once."""
        async with self._database.read() as session:
            if not await silent_workers(session):
                return
        async with self._database.write() as session:
            await take_turn(session, ROLL)
            dead = await silent_workers(session)
            if not dead:  # another process was faster
                return
            for job in await jobs_with(session, await self._queue.taken_by(dead)):
                self._give_back(session, job)
            await forget_workers(session, dead)

    async def recover(self, alive: Collection[str]) -> None:
        """A job whose row says active is queued again if its ticket never reached the queue, ended there
        without the row being told, or was taken by a process that is not `alive`."""
        async with self._database.read() as session:
            jobs = await active_jobs(session)
        for job in jobs:
            if _is_astray(await self._queue.standing(job.ticket), alive):
                await self._settle(job.id, job.ticket, alive)

    async def _keep_recovering(self) -> None:
        for round_number in itertools.count():
            await asyncio.sleep(HEARTBEAT_SECONDS if round_number else SETTLING_SECONDS)
            try:
                await self.reap()
                if round_number % ROUNDS_PER_RECOVERY == 0:
                    await self._recover_others()
            except (SQLAlchemyError, Problem) as error:
                logger.warning("could not look after the queue: %s", error)

    async def _recover_others(self) -> None:
        """What this process is said to work on and does not is astray too."""
        async with self._database.read() as session:
            alive = await known_workers(session)
        await self.recover(alive - {self._queue.executor})

    async def _settle(self, job_id: str, ticket: str, alive: Collection[str]) -> None:
        async with self._database.write() as session:
            job = await session.get(Job, job_id, with_for_update=True)
            if job is None or job.status not in ACTIVE or job.ticket != ticket:
                return
            standing = await self._queue.standing(ticket)
            if not _is_astray(standing, alive):
                return
            if standing.state is TicketState.UNKNOWN:
                self._put_after_commit(session, job)
            else:
                self._give_back(session, job)

    def _give_back(self, session: AsyncSession, job: Job) -> None:
        """Under a new ticket: whoever still works on the old one, alive after all, writes in vain."""
        after_commit(session, partial(self._queue.cancel, job.ticket))
        job.ticket = new_id("ticket")
        self._put_after_commit(session, job)

    def _put_after_commit(self, session: AsyncSession, job: Job) -> None:
        delay = 0.0 if job.not_before is None else max(0.0, (job.not_before - utc_now()).total_seconds())
        after_commit(session, partial(self._queue.put, job.id, job.ticket, job.queue, job.priority, delay))

    async def _cancel(self, session: AsyncSession, job: Job) -> None:
        """With its stages."""
        await mark_cancelled(session, job.id)
        for stage in await active_stages(session, job.id):
            await self._cancel(session, stage)
        after_commit(session, partial(self._queue.cancel, job.ticket))
        # An attempt that died with its process could not do this itself.
        after_commit(session, partial(self._storage.discard, job.objects))


def _is_astray(standing: Standing, alive: Collection[str]) -> bool:
    if standing.state is TicketState.TAKEN:
        return standing.holder not in alive
    return standing.state is not TicketState.IN_HAND


def _fingerprint(job_type: JobType, video_id: str, request: RequestModel) -> str:
    """By what is asked for, not on which terms."""
    material = "\n".join((job_type, video_id, request.model_dump_json(exclude=TERMS)))
    return hashlib.sha256(material.encode()).hexdigest()
