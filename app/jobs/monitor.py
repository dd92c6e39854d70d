"""JobMonitor: how far jobs are, how long they will take, and who is told."""

import asyncio
import contextlib
import logging
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database, utc_now
from app.core.errors import Problem
from app.jobs.models import ACTIVE, Details, Job, JobStatus
from app.jobs.storage import Attempt, JobNoLongerActive, get_job, mark_progress
from app.jobs.task import Workload

logger = logging.getLogger(__name__)

WRITE_INTERVAL = 0.25
WATCH_INTERVAL = 0.25
# By how much an estimate moves before that is news: free hands go by it.
ESTIMATE_STEP = timedelta(seconds=1)
MEASURED_JOBS = 20
SHORTEST_ESTIMATE = 1.0


async def estimate_seconds(session: AsyncSession, work: Workload) -> float:
    """From the median rate of the last jobs of the same kind, or the prior where there are none."""
    query = (
        select(Job.started_at, Job.completed_at, Job.units)
        .where(Job.rate_key == work.rate_key, Job.status == JobStatus.COMPLETED, Job.units > 0)
        .order_by(Job.completed_at.desc())
        .limit(MEASURED_JOBS)
    )
    rates = [
        (completed - started).total_seconds() / units
        for started, completed, units in await session.execute(query)
        if started is not None and completed is not None
    ]
    rate = statistics.median(rates) if rates else work.prior_seconds
    return max(SHORTEST_ESTIMATE, rate * work.units)


class ProgressReporter:
    """Keeps the newest word of one job and writes it to its row, at most a few times a second, and only what
    says something new."""

    def __init__(self, database: Database, attempt: Attempt, estimated_seconds: float) -> None:
        self._database = database
        self._attempt = attempt
        self._estimated_seconds = estimated_seconds
        self._started = utc_now()
        self._latest: tuple[float, str, Details] = (0.0, "started", {})
        self._written: tuple[int, str, Details] | None = None
        self._expected = self._started
        self._news = asyncio.Event()

    def report(self, fraction: float, message: str, **details: str | float) -> None:
        self._latest = (min(max(fraction, 0.0), 0.99), message, details)
        self._news.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        writer = asyncio.create_task(self._write_news())
        try:
            yield
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, JobNoLongerActive):
                await writer

    async def _write_news(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._write()
            except (SQLAlchemyError, Problem) as error:  # no work is lost over a word about it
                logger.warning("progress of job %s was not written: %s", self._attempt.job_id, error)
            await asyncio.sleep(WRITE_INTERVAL)

    async def _write(self) -> None:
        fraction, message, details = self._latest
        word, completion = (int(fraction * 100), message, details), self._completion(fraction)
        if word == self._written and abs(completion - self._expected) < ESTIMATE_STEP:
            return
        async with self._database.write() as session:
            await mark_progress(session, self._attempt, *word, completion)
        self._written, self._expected = word, completion

    def _completion(self, fraction: float) -> datetime:
        now = utc_now()
        if fraction < 0.05:
            return max(now, self._started + timedelta(seconds=self._estimated_seconds))
        elapsed = now - self._started
        return now + elapsed * ((1 - fraction) / fraction)


class JobMonitor:
    """Follows jobs through their rows, so that it sees the work of every process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ends: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()

    def reporter(self, attempt: Attempt, estimated_seconds: float) -> ProgressReporter:
        return ProgressReporter(self._database, attempt, estimated_seconds)

    async def finished(self, job_id: str) -> Job:
        """Waits until the job is final. Raises `Problem(TASK_NOT_FOUND)`, also if it is deleted meanwhile."""
        while True:
            async with self._database.read() as session:
                job = await get_job(session, job_id)
            if job.status not in ACTIVE:
                return job
            await self.attempt_ended(job_id, WATCH_INTERVAL)

    async def attempt_ended(self, job_id: str, seconds: float) -> None:
        """Waits until an attempt at the job ends in this process, but no longer than that: it may end in
        another, or be cancelled before it begins."""
        end = self._ends.setdefault(job_id, asyncio.Event())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(end.wait(), seconds)

    def tell_end(self, job_id: str) -> None:
        """An attempt at the job has ended: those who wait for that need wait no longer."""
        if end := self._ends.pop(job_id, None):
            end.set()
