"""Retention: what is only of interest for a while is deleted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import stopped
from app.core.database import Database, utc_now
from app.core.errors import Problem
from app.jobs.queue import JobQueue

INTERVAL = 600.0

Forget = Callable[[AsyncSession, datetime], Awaitable[None]]

logger = logging.getLogger(__name__)


class HistoryKeeper:
    """Forgets at start and every few minutes. Each of `history` is given the moment before which things are
    old, `days` ago (0: nothing ever is); each of `passing` the present, and knows what is old itself."""

    def __init__(
        self,
        database: Database,
        queue: JobQueue,
        days: float,
        history: Sequence[Forget],
        passing: Sequence[Forget],
    ) -> None:
        self._database = database
        self._queue = queue
        self._days = days
        self._history = history
        self._passing = passing
        self._work: asyncio.Task[None] | None = None

    def launch(self) -> None:
        self._work = asyncio.create_task(self._keep_forgetting())

    async def close(self) -> None:
        await stopped(self._work)

    async def forget(self) -> None:
        """One short transaction each: nobody waits long for the database."""
        now = utc_now()
        for forget in self._passing:
            async with self._database.write() as session:
                await forget(session, now)
        if self._days:
            before = now - timedelta(days=self._days)
            for forget in self._history:
                async with self._database.write() as session:
                    await forget(session, before)
            await self._queue.forget(before)

    async def _keep_forgetting(self) -> None:
        while True:
            try:
                await self.forget()
            except (SQLAlchemyError, Problem) as error:
                logger.warning("old history could not be deleted: %s", error)
            await asyncio.sleep(INTERVAL)
