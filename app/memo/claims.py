"""Who makes which unit, so that two processes do not make the same one at once."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import delete, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import seen_through, stopped
from app.core.database import Database, database_time, insert_into
from app.core.errors import Problem
from app.core.sharing import MadeElsewhere, has_others
from app.core.work import Work, current_work
from app.memo.models import MemoClaim

CLAIM = timedelta(seconds=10)
RENEWAL_SECONDS = 3.0
LOOKING_SECONDS = 0.3

logger = logging.getLogger(__name__)


class Claims:
    """The claims of one `process`. Those of a dead one lapse, since nobody renews them.

    A job claims no more than `at_once`: what waits here for its turn at the engine is better left to others.
    `wanted` tells whether there are any others.
    """

    def __init__(self, database: Database, process: str, at_once: int, wanted: Callable[[], bool]) -> None:
        self._database = database
        self._process = process
        self._at_once = at_once
        self._wanted = wanted
        self._hands: WeakKeyDictionary[Work, asyncio.Semaphore] = WeakKeyDictionary()
        self._held: set[str] = set()
        self._renewing: asyncio.Task[None] | None = None

    @property
    def wanted(self) -> bool:
        return self._wanted()

    async def clear(self) -> None:
        """What has lapsed, and what a former process of this name left behind."""
        async with self._database.write() as session:
            lapsed = MemoClaim.until < await database_time(session)
            await session.execute(delete(MemoClaim).where(lapsed | (MemoClaim.process == self._process)))

    @asynccontextmanager
    async def held(self, key: str) -> AsyncIterator[None]:
        """Nobody else makes the unit in the block. Waits for whoever makes it now or, where there are other
        units to turn to, raises `MadeElsewhere`."""
        async with self._hand():
            while not await seen_through(self._take(key)):
                if has_others():
                    raise MadeElsewhere(key)
                await asyncio.sleep(LOOKING_SECONDS)
            self._hold(key)
            try:
                yield
            finally:
                self._held.discard(key)
                await seen_through(self._release(key))

    async def close(self) -> None:
        await stopped(self._renewing)

    def _hand(self) -> asyncio.Semaphore:
        work = current_work()
        hands = asyncio.Semaphore(self._at_once)
        return hands if work is None else self._hands.setdefault(work, hands)

    def _hold(self, key: str) -> None:
        self._held.add(key)
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())

    async def _take(self, key: str) -> bool:
        try:
            async with self._database.write() as session:
                return await self._claim(session, key)
        except (SQLAlchemyError, Problem) as error:  # to make a unit twice is better than not at all
            logger.warning("a unit is made without a claim: %s", error)
            return True

    async def _claim(self, session: AsyncSession, key: str) -> bool:
        now = await database_time(session)
        insert = insert_into(session, MemoClaim).values(key=key, process=self._process, until=now + CLAIM)
        new = insert.excluded
        mine = (MemoClaim.process == self._process) | (MemoClaim.until < now)
        taken = insert.on_conflict_do_update(
            index_elements=[MemoClaim.key],
            set_={"process": new.process, "until": new.until},
            where=mine,
        ).returning(MemoClaim.key)
        return await session.scalar(taken) is not None

    async def _release(self, key: str) -> None:
        mine = (MemoClaim.key == key) & (MemoClaim.process == self._process)
        try:
            async with self._database.write() as session:
                await session.execute(delete(MemoClaim).where(mine))
        except (SQLAlchemyError, Problem) as error:
            logger.warning("a claim is left to lapse: %s", error)

    async def _renew(self) -> None:
        while self._held:
            await asyncio.sleep(RENEWAL_SECONDS)
            try:
                async with self._database.write() as session:
                    until = await database_time(session) + CLAIM
                    mine = MemoClaim.key.in_(self._held) & (MemoClaim.process == self._process)
                    await session.execute(update(MemoClaim).where(mine).values(until=until))
            except (SQLAlchemyError, Problem) as error:
                logger.warning("claims were not renewed: %s", error)
