"""A limit on what the calls of a task come to, kept while many of them are under way."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Set
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from weakref import WeakValueDictionary

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import seen_through
from app.core.database import Database, after_commit, database_time, take_turn
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.ledger.models import Reservation, UsageEntry

# Sums of floats: a limit of three calls is not passed by the third.
_ROUNDING = 1e-9
LOOKING_SECONDS = 0.5
# Until every process has heard of one that began to work.
INTRODUCTION = timedelta(seconds=10)
# No call lasts so long.
FORGOTTEN_AFTER = timedelta(days=1)

logger = logging.getLogger(__name__)


@dataclass(slots=True, weakref_slot=True)
class _Line:
    """Those who want to spend on a task, one after the other, and word of calls that have ended here."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Budgets:
    """What is spent on a task by the book and what calls under way are expected to cost, in whatever process,
    stay within the limit. What a process had under way that died is not held against the task: `living` are
    those that have not, this one, named `process`, among them.

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
    async def reserved(self, account: str, cost: float, limit: float) -> AsyncIterator[None]:
        """Around one call for the task `account` that is expected to cost so many US dollars.

        Raises `Problem(COST_LIMIT_REACHED)`.
        """
        line = self._lines.setdefault(account, _Line())
        async with line.turn:
            while (reservation := await seen_through(self._reserve(account, cost, limit))) is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(line.news.wait(), LOOKING_SECONDS)
                line.news.clear()
        try:
            yield
        finally:
            await seen_through(self._release(reservation))
            line.news.set()

    async def _reserve(self, account: str, cost: float, limit: float) -> str | None:
        """None if it has to wait for others."""
        async with self._database.write() as session:
            await take_turn(session, account)
            await self._strike_out(session, frozenset(self._left_behind))
            # In this order: a call is in the book before it is no longer under way.
            under_way = await self._under_way(session, account)
            spent = await _spent(session, account)
            if spent + sum(under_way) + cost <= limit + _ROUNDING:
                return await self._noted(session, account, cost)
        if under_way:
            return None
        raise Problem(
            ErrorCode.COST_LIMIT_REACHED, limit=_dollars(limit), spent=_dollars(spent), unit=_dollars(cost)
        )

    async def _under_way(self, session: AsyncSession, account: str) -> list[float]:
        introduced = await database_time(session) - INTRODUCTION
        counts = or_(Reservation.process.in_(self._living()), Reservation.created_at > introduced)
        query = select(Reservation.cost).where(Reservation.account == account, counts)
        return list(await session.scalars(query))

    async def _noted(self, session: AsyncSession, account: str, cost: float) -> str:
        reservation = Reservation(
            id=new_id("rsv"),
            account=account,
            process=self._process,
            cost=cost,
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


async def _spent(session: AsyncSession, account: str) -> float:
    theirs = or_(UsageEntry.task_id == account, UsageEntry.parent_id == account)
    return await session.scalar(select(func.sum(UsageEntry.cost)).where(theirs)) or 0.0


def _dollars(amount: float) -> str:
    """Four significant digits: a line may cost a thousandth of a cent."""
    return f"{amount:.4g}" if amount < 1 else f"{amount:.2f}"
