"""Limits on what calls come to: of one task, or of a project in a month."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import utc_now
from app.core.errors import ErrorCode, Problem
from app.ledger.models import Reservation, UsageEntry


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call that is to be made for the task `account` of a project, and what it is expected to cost in US
    dollars."""

    account: str
    project_id: str | None
    cost: float


class Limit(Protocol):
    """US dollars that some calls may come to. Those who are held to it take their turns under `turn`."""

    @property
    def dollars(self) -> float: ...

    @property
    def turn(self) -> str: ...

    def paid(self) -> ColumnElement[bool]:
        """Which entries of the book count."""
        ...

    def under_way(self) -> ColumnElement[bool]:
        """Which reservations count."""
        ...

    def reached(self, spent: float, cost: float) -> Problem:
        """With so much spent, the next call would cost so much."""
        ...


@dataclass(frozen=True, slots=True)
class TaskLimit:
    """On a task with its stages, for all its attempts together."""

    task_id: str
    dollars: float

    @property
    def turn(self) -> str:
        return self.task_id

    def paid(self) -> ColumnElement[bool]:
        return or_(UsageEntry.task_id == self.task_id, UsageEntry.parent_id == self.task_id)

    def under_way(self) -> ColumnElement[bool]:
        return Reservation.account == self.task_id

    def reached(self, spent: float, cost: float) -> Problem:
        return Problem(
            ErrorCode.COST_LIMIT_REACHED,
            limit=_dollars(self.dollars),
            spent=_dollars(spent),
            unit=_dollars(cost),
        )


@dataclass(frozen=True, slots=True)
class MonthLimit:
    """On all tasks of a project in the calendar month (UTC) that it is."""

    project_id: str
    dollars: float

    @property
    def turn(self) -> str:
        """Not the project's id: its turns are for what is decided about the project."""
        return f"month {self.project_id}"

    def paid(self) -> ColumnElement[bool]:
        return (UsageEntry.project_id == self.project_id) & (UsageEntry.day >= _first_of_month())

    def under_way(self) -> ColumnElement[bool]:
        """A call counts in the month in which it is answered."""
        return Reservation.project_id == self.project_id

    def reached(self, spent: float, cost: float = 0.0) -> Problem:
        return Problem(
            ErrorCode.QUOTA_REACHED,
            quota="most_cost",
            used=_dollars(spent),
            most=_dollars(self.dollars),
        )


async def spent_within(session: AsyncSession, limit: Limit) -> float:
    """US dollars by the book."""
    return await session.scalar(select(func.sum(UsageEntry.cost)).where(limit.paid())) or 0.0


def _first_of_month() -> date:
    return utc_now().date().replace(day=1)


def _dollars(amount: float) -> str:
    """Four significant digits: a line may cost a thousandth of a cent."""
    return f"{amount:.4g}" if amount < 1 else f"{amount:.2f}"
