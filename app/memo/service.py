"""Memo: recalls what was made before, or has it made and keeps it."""

import asyncio
import contextlib
import logging
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import seen_through, stopped
from app.core.database import Database, after_commit
from app.core.errors import ErrorCode, Problem
from app.ledger.metering import Meter, metered
from app.memo.claims import Claims
from app.memo.eviction import Eviction, condemn_those_of
from app.memo.units import Unit
from app.memo.uses import Effort, Uses
from app.storage.manager import StorageManager

T = TypeVar("T")

Make = Callable[[], Awaitable[bytes]]
MakeFile = Callable[[], Awaitable[Path]]

logger = logging.getLogger(__name__)

# What is written meanwhile is seen to in one go.
EVICTION_PAUSE_SECONDS = 10.0


class Memo:
    """Shared by all jobs and videos; two who want the same unit at once share the work.

    Of two processes that want it at once, one makes it while the other waits, if there are `claims` and it is
    worth one; otherwise both do, and one result is kept. An `eviction` keeps all of them within a size, in
    the background.
    """

    def __init__(
        self,
        database: Database,
        storage: StorageManager,
        eviction: Eviction | None = None,
        claims: Claims | None = None,
    ) -> None:
        self._storage = storage
        self._claims = claims
        self._eviction = eviction
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._uses = Uses(database)
        self._evicting: asyncio.Task[None] | None = None

    async def recall(self, unit: Unit, make: Make, *, costly: bool = False) -> bytes:
        """The result of a unit: remembered, or made now and kept.

        A `costly` one takes much longer than to ask whether another process is making it. Where it is one of
        `each_of` many, raises `MadeElsewhere` instead of waiting for that.
        """

        async def remembered() -> bytes:
            result = await self._storage.read_bytes(unit.object_key)
            self._uses.reused(unit, len(result))
            return result

        async def made() -> bytes:
            with _timed() as effort:
                result = await make()
            await seen_through(self._storage.put_bytes(unit.object_key, result))
            self._made(unit, len(result), effort(), costly=costly)
            return result

        return await self._recalled(unit, remembered, made, costly=costly)

    async def recall_file(self, unit: Unit, make: MakeFile, folder: Path) -> Path:
        """The same for what is too large to hold in memory, and so costly: a private copy in `folder`, not to
        be changed. The file that was made goes there too, under another name."""

        async def remembered() -> Path:
            path = await self._storage.fetch(unit.object_key, folder)
            self._uses.reused(unit, path.stat().st_size)
            return path

        async def made() -> Path:
            with _timed() as effort:
                new = await make()
            await seen_through(self._storage.put_file(unit.object_key, new))
            path = await asyncio.to_thread(new.replace, folder / unit.key)  # to fetch it would be a copy
            self._made(unit, path.stat().st_size, effort(), costly=True)
            return path

        return await self._recalled(unit, remembered, made, costly=True)

    async def forget(self, session: AsyncSession, video_id: str) -> None:
        """What was made for the video and used for no other goes, soon after the commit of `session`."""
        await condemn_those_of(session, video_id)

        async def follow() -> None:
            self.evict_soon()

        after_commit(session, follow)

    async def evict(self) -> int:
        """Brings the memo down to its size. Returns how many results went."""
        return 0 if self._eviction is None else await self._eviction.run(self._at_rest)

    async def close(self) -> None:
        """Everything noted is written."""
        await stopped(self._evicting)
        if self._claims is not None:
            await self._claims.close()
        await self._uses.written()

    async def _recalled(
        self,
        unit: Unit,
        remembered: Callable[[], Awaitable[T]],
        made: Callable[[], Awaitable[T]],
        *,
        costly: bool,
    ) -> T:
        async with self._turn(unit.key):
            with contextlib.suppress(FileNotFoundError), _damage_forgotten(unit):
                return await remembered()
            if self._claims is None or not (costly and self._claims.wanted):
                return await made()
            async with self._claims.held(unit.key):
                with contextlib.suppress(FileNotFoundError):  # whoever had the claim before has made it
                    return await remembered()
                return await made()

    def _turn(self, key: str) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    @asynccontextmanager
    async def _at_rest(self, key: str) -> AsyncIterator[bool]:
        """Nobody here is given the unit in the block. False if a running job has it."""
        async with self._turn(key):
            yield not self._uses.in_hand(key)

    def _made(self, unit: Unit, size: int, effort: Effort, *, costly: bool) -> None:
        self._uses.made(unit, size, effort, costly=costly)
        self.evict_soon()

    def evict_soon(self) -> None:
        """In the background."""
        if self._eviction is not None and (self._evicting is None or self._evicting.done()):
            self._evicting = asyncio.create_task(self._evict_later())

    async def _evict_later(self) -> None:
        await asyncio.sleep(EVICTION_PAUSE_SECONDS)
        try:
            await self.evict()
        except (SQLAlchemyError, Problem) as error:  # there is another time
            logger.warning("the memo was not brought down to its size: %s", error)


@contextmanager
def _damage_forgotten(unit: Unit) -> Iterator[None]:
    """What is damaged is made anew, as if it were not there: `FileNotFoundError`."""
    try:
        yield
    except Problem as problem:
        if problem.code is not ErrorCode.CONTENT_DAMAGED:
            raise
        logger.error("a damaged result of the memo is made again: %s", unit.key)
        raise FileNotFoundError(unit.key) from problem


@contextmanager
def _timed() -> Iterator[Callable[[], Effort]]:
    """Gives what the block has taken so far."""
    start = time.monotonic()

    def effort(meter: Meter) -> Effort:
        return Effort(meter.cost, time.monotonic() - start)

    with metered() as meter:
        yield lambda: effort(meter)
