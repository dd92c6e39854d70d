"""Limits on what calls come to, kept while many of them are under way."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence, Set
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from weakref import WeakValueDictionary

from sqlalchemy import delete, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import seen_through
from app.core.database import Database, after_commit, database_time, take_turn
from app.core.errors import Problem
from app.core.identifiers import new_id
from app.ledger.limits import Limit, PlannedCall, spent_within
from app.ledger.models import Reservation

# Sums of floats: a limit of three calls is not passed by the third.
_ROUNDING = 1e-9
LOOKING_SECONDS = 0.5
# Until every process has heard of one that began to work.
INTRODUCTION = timedelta(seconds=10)
# No call lasts so long.
FORGOTTEN_AFTER = timedelta(days=1)

logger = logging.getLogger(__name__)


class _NoRoomYet(Exception):
    """Within the `limit`, until calls that are under way have ended."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        self.limit = limit


@dataclass(slots=True, weakref_slot=True)
class _Line:
    """Those who want to spend under a limit, one after the other, and word of calls that have ended here."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        """For a call that ended here, or long enough for one to have ended elsewhere."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.news.wait(), LOOKING_SECONDS)
        self.news.clear()


class Budgets:
    """What is spent by the book and what calls under way are expected to cost, in whatever process, stay
    within every limit that a call has. What a process had under way that died is not held against anybody:
    `living` are those that have not, this one, named `process`, among them.

    A call that fits only once others turn out cheaper than expected waits for them, and none is refused
    while others are under way: what is paid for comes in first.
    """

    def __init__(self, database: Database, process: str, living: Callable[[], frozenset[str]]) -> None:
        self._database = database
        self._process = process
        self._living = living
        self._lines: WeakValueDictionary[str, _Line] = WeakValueDictionary()
        self._left_behind: set[str] = set()

    async def clear(self) -> None:
        """What a former process of this name left behind, and others that have long been dead."""
        async with self._database.write() as session:
            old = Reservation.created_at < await database_time(session) - FORGOTTEN_AFTER
            await session.execute(delete(Reservation).where(old | (Reservation.process == self._process)))

    @asynccontextmanager
    async def reserved(self, call: PlannedCall, limits: Sequence[Limit]) -> AsyncIterator[None]:
        """Around one call. Its `limits` are in the same order for everybody, the wider after the narrower:
        nobody blocks another, and who waits for room in a task holds up no other task of the project.

        Raises the `Problem` of the limit that is reached.
        """
        reservation = await self._in_turn(call, limits, 0)
        try:
            yield
        finally:
            await seen_through(self._release(reservation))
            for limit in limits:
                self._line(limit).news.set()

    async def _in_turn(self, call: PlannedCall, limits: Sequence[Limit], number: int) -> str:
        """The reservation, once there is room within the limit of that `number` and those after it. Raises
        `_NoRoomYet` for one before it."""
        if number == len(limits):
            return await seen_through(self._reserve(call, limits))
        line = self._line(limits[number])
        async with line.turn:
            while True:
                try:
                    return await self._in_turn(call, limits, number + 1)
                except _NoRoomYet as short:
                    if short.limit is not limits[number]:
                        raise
                await line.wait()

    def _line(self, limit: Limit) -> _Line:
        return self._lines.setdefault(limit.turn, _Line())

    async def _reserve(self, call: PlannedCall, limits: Sequence[Limit]) -> str:
        """Raises `_NoRoomYet`, or the `Problem` of a limit."""
        async with self._database.write() as session:
            for limit in limits:
                await take_turn(session, limit.turn)
            await self._strike_out(session, frozenset(self._left_behind))
            for limit in limits:
                await self._check_room(session, limit, call.cost)
            return await self._noted(session, call)

    async def _check_room(self, session: AsyncSession, limit: Limit, cost: float) -> None:
        # In this order: a call is in the book before it is no longer under way.
        under_way = await self._under_way(session, limit)
        spent = await spent_within(session, limit)
        if spent + sum(under_way) + cost <= limit.dollars + _ROUNDING:
            return
        if under_way:
            raise _NoRoomYet(limit)
        raise limit.reached(spent, cost)

    async def _under_way(self, session: AsyncSession, limit: Limit) -> list[float]:
        introduced = await database_time(session) - INTRODUCTION
        counts = or_(Reservation.process.in_(self._living()), Reservation.created_at > introduced)
        return list(await session.scalars(select(Reservation.cost).where(limit.under_way(), counts)))

    async def _noted(self, session: AsyncSession, call: PlannedCall) -> str:
        reservation = Reservation(
            id=new_id("rsv"),
            account=call.account,
            project_id=call.project_id,
            process=self._process,
            cost=call.cost,
            created_at=await database_time(session),
        )
        session.add(reservation)
        return reservation.id

    async def _release(self, reservation: str) -> None:
        """Where the database refuses, it goes with a later one: the answer is paid for, and not to be lost
        over this."""
        try:
            async with self._database.write() as session:
                await self._strike_out(session, {reservation} | self._left_behind)
        except (SQLAlchemyError, Problem) as error:
            self._left_behind.add(reservation)
            logger.warning("a call with a limit on costs is still held to be under way: %s", error)

    async def _strike_out(self, session: AsyncSession, reservations: Set[str]) -> None:
        if not reservations:
            return
        await session.execute(delete(Reservation).where(Reservation.id.in_(reservations)))

        async def forget() -> None:
            self._left_behind -= reservations

        after_commit(session, forget)
