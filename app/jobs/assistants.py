"""Assistants: free hands of this process for the large jobs of others."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import stopped
from app.core.database import Database, utc_now
from app.core.errors import Problem
from app.jobs.models import ACTIVE, Job, JobStatus, JobType, QueueName
from app.jobs.sizes import Room
from app.jobs.storage import Attempt
from app.jobs.workers import HEARTBEAT_SECONDS, Heartbeat

HELPED: tuple[QueueName, ...] = ("api", "cpu")
# Speech that follows a translation waits for that in the `pipeline` queue, and for the network besides.
FOLLOWING: QueueName = "api"
LOOKING_SECONDS = 0.5
# Until all others have heard of this process: from then on they claim what they make.
SETTLING_SECONDS = 1.5 * HEARTBEAT_SECONDS
# What is done sooner is not worth reading a job's material a second time.
LEAST_REMAINING = timedelta(seconds=3)
MOST_ASSISTANTS = 7

# After a failure, which may have been the process's own.
RETURNING_SECONDS = 5.0

# Called with the id of a job and the number of its assistant. False if that failed.
Assist = Callable[[str, int], Coroutine[Any, Any, bool]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Standing:
    """A job as it stands: it runs in the process `worker`, or waits if that is None. `is_large` says that
    assistants are worth their while, who then take a place of the `queue`; whether the job itself takes one,
    `has_place` says."""

    attempt: Attempt
    queue: QueueName
    worker: str | None
    is_large: bool
    has_place: bool


@dataclass(frozen=True, slots=True)
class _Assistance:
    queue: QueueName
    task: asyncio.Task[None]

    def is_at_work(self, queue: QueueName) -> bool:
        return self.queue == queue and not self.task.done()


class Assistants:
    """Looks for large jobs that run elsewhere, and helps them while this process has free hands.

    Nobody is asked and nothing is promised: an assistant fills the memo, and its death goes unnoticed. It
    ends with the attempt that it helps, and as soon as a job of this process needs its place. `rooms` have
    the places for jobs and assistants, for each queue whose jobs can be helped.
    """

    def __init__(
        self,
        database: Database,
        heartbeat: Heartbeat,
        process: str,
        rooms: Mapping[QueueName, Room],
        assist: Assist,
    ) -> None:
        self._database = database
        self._heartbeat = heartbeat
        self._process = process
        self._rooms = rooms
        self._assist = assist
        self._given: dict[Attempt, _Assistance] = {}
        self._looking: asyncio.Task[None] | None = None

    def launch(self) -> None:
        self._looking = asyncio.create_task(self._keep_looking())

    async def close(self) -> None:
        """Ends them where they are."""
        await stopped(self._looking)
        await self._end(list(self._given))

    async def _keep_looking(self) -> None:
        await asyncio.sleep(SETTLING_SECONDS)
        while True:
            try:
                if self._heartbeat.company or self._given:
                    await self._look()
            except (SQLAlchemyError, Problem) as error:
                logger.warning("could not look for jobs to help: %s", error)
            await asyncio.sleep(LOOKING_SECONDS)

    async def _look(self) -> None:
        async with self._database.read() as session:
            jobs = await _standing_jobs(session)
        running = {job.attempt for job in jobs if self._is_elsewhere(job)}
        await self._end([attempt for attempt in self._given if attempt not in running])
        for queue, room in self._rooms.items():
            await self._fill(queue, room.size or 0, [job for job in jobs if job.queue == queue])

    async def _fill(self, queue: QueueName, size: int, jobs: Sequence[_Standing]) -> None:
        helped = [attempt for attempt, given in self._given.items() if given.is_at_work(queue)]
        placed = [job.worker for job in jobs if job.has_place]
        room = size - len(helped) - placed.count(self._process)
        if room < 0:
            await self._end(helped[room:])
        room -= placed.count(None)  # which may be taken here at any moment
        for job in jobs:
            if room > 0 and job.is_large and self._is_elsewhere(job) and self._begin(job):
                room -= 1

    def _begin(self, job: _Standing) -> bool:
        """False if it is, or was, helped from here, or enough others help it."""
        number = self._number(job.worker)
        if job.attempt in self._given or number > MOST_ASSISTANTS:
            return False
        task = asyncio.create_task(self._help(job.attempt, number))
        self._given[job.attempt] = _Assistance(job.queue, task)
        return True

    async def _help(self, attempt: Attempt, number: int) -> None:
        """Until there is nothing left to do. A task group forgets that it was cancelled over a failure that
        comes with it: whether this is still to go on is looked up."""
        while not await self._assist(attempt.job_id, number):
            if attempt not in self._given:
                return
            await asyncio.sleep(RETURNING_SECONDS)

    def _number(self, holder: str | None) -> int:
        """From 1 on, another for each process but the one that has the job."""
        others = sorted({self._process, *self._heartbeat.company} - {holder})
        return others.index(self._process) + 1

    def _is_elsewhere(self, job: _Standing) -> bool:
        return job.worker not in (None, self._process)

    async def _end(self, attempts: Sequence[Attempt]) -> None:
        tasks = [self._given.pop(attempt).task for attempt in attempts]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _standing_jobs(session: AsyncSession) -> list[_Standing]:
    """Those that run, and those that wait for nothing but their turn."""
    now = utc_now()
    columns = (Job.id, Job.attempt, Job.job_type, Job.queue, Job.status, Job.worker, Job.estimated_completion)
    due = Job.not_before.is_(None) | (Job.not_before < now)
    query = select(*columns).where(Job.status.in_(ACTIVE), due, Job.job_type != JobType.DUB)
    return [
        _Standing(
            Attempt(row.id, row.attempt),
            FOLLOWING if row.queue == "pipeline" else row.queue,
            row.worker if row.status is JobStatus.PROCESSING else None,
            is_large=row.estimated_completion is not None
            and row.estimated_completion - now > LEAST_REMAINING,
            has_place=row.queue != "pipeline",
        )
        for row in await session.execute(query.order_by(Job.id))
    ]
