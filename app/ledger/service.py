"""Ledger: every answered call in the book, under the task it was made for."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError

from app.core.concurrency import seen_through
from app.core.database import Database, utc_now
from app.core.errors import ErrorCode, Problem
from app.core.work import Work, current_work
from app.ledger.budget import Budgets
from app.ledger.limits import Limit, MonthLimit, PlannedCall, TaskLimit
from app.ledger.metering import charge
from app.ledger.models import UsageEntry
from app.ledger.prices import PriceTable
from app.ledger.usage import Spending, Usage

logger = logging.getLogger(__name__)


class Ledger:
    """A `UsageRecorder` that writes. A call is in the book before its answer is used, so that a crash
    loses no more than what was under way; calls that end together share a transaction."""

    def __init__(self, database: Database, prices: PriceTable, budgets: Budgets) -> None:
        self._database = database
        self._prices = prices
        self._budgets = budgets
        self._unwritten: list[dict[str, object]] = []
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def spending(self, expected: Usage) -> AsyncIterator[Spending]:
        """See `UsageRecorder`."""
        work = current_work()
        call = _Call(self, expected)
        limits = _limits_of(work) if work else ()
        if work is None or not limits:
            yield call
            return
        cost = self._prices.cost(expected)
        if cost is None:
            raise Problem(ErrorCode.PRICE_UNKNOWN, model=expected.model)
        planned = PlannedCall(_account(work), work.project_id, cost.dollars)
        async with self._budgets.reserved(planned, limits):
            yield call

    async def record(self, usage: Usage) -> None:
        cost = self._prices.cost(usage)
        dollars = None if cost is None else cost.dollars
        work, now = current_work(), utc_now()
        self._unwritten.append(
            asdict(usage)
            | {
                "task_id": work and work.task_id,
                "parent_id": work and work.parent_id,
                "video_id": work and work.video_id,
                "project_id": work and work.project_id,
                "cost": dollars,
                "price_date": cost and cost.as_of,
                "day": now.date(),
                "created_at": now,
            }
        )
        charge(dollars)
        await seen_through(self.flush())

    async def flush(self) -> None:
        """What cannot be written is kept for the next time: no answer is lost over the note of its cost."""
        async with self._writing:
            entries, self._unwritten = self._unwritten, []
            if not entries:
                return
            try:
                async with self._database.write() as session:
                    await session.execute(insert(UsageEntry), entries)
            except (SQLAlchemyError, Problem) as error:
                self._unwritten = entries + self._unwritten
                logger.warning("the cost of %d calls is not written yet: %s", len(entries), error)


@dataclass(frozen=True, slots=True)
class _Call:
    ledger: Ledger
    expected: Usage

    async def settle(self, used: Usage) -> None:
        await self.ledger.record(used.completed_by(self.expected))


def _account(work: Work) -> str:
    """A stage counts towards the limit of its parent task."""
    return work.parent_id or work.task_id


def _limits_of(work: Work) -> tuple[Limit, ...]:
    limits: list[Limit] = []
    if work.max_cost is not None:
        limits.append(TaskLimit(_account(work), work.max_cost))
    if work.project_id is not None and work.most_cost is not None:
        limits.append(MonthLimit(work.project_id, work.most_cost))
    return tuple(limits)
