"""What running jobs have finished so far, for those who cannot wait."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import seen_through
from app.core.database import Database
from app.core.errors import ErrorCode, Problem
from app.jobs.models import Job, JobStatus, PartialResult
from app.jobs.storage import Attempt, JobNoLongerActive, hold_current

Segments = Sequence[dict[str, object]]

logger = logging.getLogger(__name__)

WRITE_INTERVAL = 0.25


class PartialResults:
    """Those of one attempt: written a few times a second, each part once, and gone when the attempt ends."""

    def __init__(self, database: Database, attempt: Attempt) -> None:
        self._database = database
        self._attempt = attempt
        self._unwritten: list[dict[str, object]] = []
        self._written = False
        self._news = asyncio.Event()

    def add(self, position: int, segments: Segments) -> None:
        """A finished part. No two have the same `position`, and parts are not finished in their order."""
        part = {"position": position, "count": len(segments), "segments": list(segments)}
        self._unwritten.append(part | {"task_id": self._attempt.job_id, "attempt": self._attempt.number})
        self._news.set()

    @asynccontextmanager
    async def published(self) -> AsyncIterator[None]:
        """They can be read in the block."""
        if self._attempt.number > 1:
            await self._discard()
        writer = asyncio.create_task(self._write_news())
        try:
            yield
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, JobNoLongerActive):
                await writer
            if self._written:
                await seen_through(self._discard())

    async def _write_news(self) -> None:
        while True:
            await self._news.wait()
            parts, self._unwritten = self._unwritten, []
            self._news.clear()
            self._written = True
            try:
                async with self._database.write() as session:
                    await hold_current(session, self._attempt)
                    await session.execute(insert(PartialResult), parts)
            except (SQLAlchemyError, Problem) as error:  # no work is lost over a look at it
                logger.warning("partial results of %s were not written: %s", self._attempt.job_id, error)
            await asyncio.sleep(WRITE_INTERVAL)

    async def _discard(self) -> None:
        """With what attempts before it left behind, but not what one after it has begun to write."""
        done = PartialResult.attempt <= self._attempt.number
        try:
            async with self._database.write() as session:
                await session.execute(
                    delete(PartialResult).where(PartialResult.task_id == self._attempt.job_id, done)
                )
        except (SQLAlchemyError, Problem) as error:
            logger.warning("partial results of %s were not removed: %s", self._attempt.job_id, error)


async def told_so_far(session: AsyncSession, job_id: str) -> tuple[JobStatus, int]:
    """How a job stands, and how many of its segments can be read. Raises `Problem(TASK_NOT_FOUND)`."""
    found = await session.execute(select(Job.status, Job.segments_so_far).where(Job.id == job_id))
    row = found.one_or_none()
    if row is None:
        raise Problem(ErrorCode.TASK_NOT_FOUND, task_id=job_id)
    return row.tuple()


async def segments_so_far(session: AsyncSession, job_id: str) -> list[dict[str, object]]:
    """Of a running job, in the order of their parts."""
    query = (
        select(PartialResult.segments)
        .join(Job, (PartialResult.task_id == Job.id) & (PartialResult.attempt == Job.attempt))
        .where(Job.id == job_id)
        .order_by(PartialResult.position)
    )
    return [segment for part in await session.scalars(query) for segment in part]
