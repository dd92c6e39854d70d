"""A limit on costs holds while many calls are under way in several processes, and stops no call that would
have fitted."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from app.core.database import Database, utc_now
from app.core.errors import ErrorCode, Problem
from app.ledger.budget import Budgets
from app.ledger.models import Reservation, UsageEntry

TASK = "task_1"
NAMES = ("first", "second")


@dataclass
class Book:
    """Two processes that spend on one task: calls that cost `actual` where `expected` was expected."""

    database: Database
    living: frozenset[str] = frozenset(NAMES)
    under_way: int = 0
    most_under_way: int = 0
    processes: list[Budgets] = field(init=False)

    def __post_init__(self) -> None:
        self.processes = [Budgets(self.database, name, lambda: self.living) for name in NAMES]

    async def call(self, expected: float, actual: float, limit: float, process: int = 0) -> bool:
        """Whether it could be made."""
        try:
            async with self.processes[process].reserved(TASK, expected, limit):
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
                await self.spend(actual)
                self.under_way -= 1
        except Problem as problem:
            assert problem.code is ErrorCode.COST_LIMIT_REACHED
            return False
        return True

    async def calls(self, expected: float, actual: float, limit: float) -> list[bool]:
        turns = (self.call(expected, actual, limit, process=number % 2) for number in range(32))
        return await asyncio.gather(*turns)

    async def spend(self, amount: float) -> None:
        call = {"engine": "openai", "kind": "speech", "model": "tts-1", "day": utc_now().date()}
        async with self.database.write() as session:
            session.add(UsageEntry(task_id=TASK, cost=amount, **call))

    async def execute(self, statement: str) -> None:
        async with self.database.write() as session:
            await session.execute(text(statement))

    async def spent(self) -> float:
        async with self.database.read() as session:
            return await session.scalar(select(func.sum(UsageEntry.cost))) or 0.0


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database)


async def test_many_at_once_never_pass_it(book: Book) -> None:
    made = await book.calls(0.1, 0.1, limit=1.0)
    assert sum(made) == 10
    assert await book.spent() == pytest.approx(1.0)
    assert book.most_under_way <= 10


async def test_several_are_under_way_at_once_here_and_elsewhere(book: Book) -> None:
    first, second = book.processes
    async with (
        asyncio.timeout(10),
        first.reserved(TASK, 0.1, 1.0),
        first.reserved(TASK, 0.1, 1.0),
        second.reserved(TASK, 0.1, 1.0),
    ):
        assert await book.call(0.1, 0.1, limit=1.0, process=1)


async def test_what_turns_out_cheaper_leaves_room_for_more(book: Book) -> None:
    made = await book.calls(0.4, 0.1, limit=1.0)
    assert sum(made) == 7
    assert await book.spent() <= 1.0


async def test_a_call_that_failed_costs_nothing(book: Book) -> None:
    for budgets in (*book.processes, *book.processes):
        with pytest.raises(ConnectionError):
            async with budgets.reserved(TASK, 1.0, 1.0):
                raise ConnectionError
    assert await book.call(1.0, 1.0, limit=1.0)


async def test_what_was_spent_before_counts_and_a_higher_limit_lets_go_on(book: Book) -> None:
    await book.spend(0.95)
    assert not await book.call(0.1, 0.1, limit=1.0)
    assert await book.call(0.1, 0.1, limit=1.1)


async def test_one_who_gives_up_waiting_holds_up_nobody(book: Book) -> None:
    async with book.processes[1].reserved(TASK, 0.9, 1.0):
        waiting = asyncio.create_task(book.call(0.5, 0.5, limit=1.0))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting, 0.05)
    assert await book.call(0.9, 0.9, limit=1.0)


async def test_what_a_process_had_under_way_when_it_died_is_not_waited_for(book: Book) -> None:
    async with book.processes[1].reserved(TASK, 1.0, 1.0):
        async with book.database.write() as session:
            await session.execute(update(Reservation).values(created_at=utc_now() - timedelta(minutes=1)))
        book.living = frozenset({"first"})
        assert await book.call(1.0, 1.0, limit=1.0)


async def test_a_process_that_starts_again_has_nothing_under_way(book: Book) -> None:
    async with book.processes[0].reserved(TASK, 1.0, 1.0):
        await book.processes[0].clear()
        assert await book.call(1.0, 1.0, limit=1.0)


async def test_the_end_of_a_call_that_cannot_be_noted_is_noted_later(book: Book) -> None:
    async with book.processes[0].reserved(TASK, 1.0, 1.0):
        await book.execute("ALTER TABLE reservations RENAME TO out_of_reach")
    await book.execute("ALTER TABLE out_of_reach RENAME TO reservations")
    assert await book.call(1.0, 1.0, limit=1.0)
