"""A limit on costs holds while many calls are under way, and stops no call that would have fitted."""

import asyncio
from dataclasses import dataclass, field

import pytest

from app.core.errors import ErrorCode, Problem
from app.ledger.budget import Budget


@dataclass
class Book:
    """What is written so far, and a call that costs `actual` where `expected` was expected."""

    spent: float = 0.0
    most: float = 0.0
    under_way: int = 0
    most_under_way: int = 0
    budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        self.budget = Budget(self._read)

    async def _read(self) -> float:
        await asyncio.sleep(0)
        return self.spent

    async def call(self, expected: float, actual: float, limit: float) -> bool:
        """Whether it could be made."""
        try:
            async with self.budget.reserved(expected, limit):
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
                await asyncio.sleep(0.001)
                self.spent += actual
                self.under_way -= 1
        except Problem as problem:
            assert problem.code is ErrorCode.COST_LIMIT_REACHED
            return False
        return True


async def test_many_at_once_never_pass_it() -> None:
    book = Book()
    made = await asyncio.gather(*(book.call(0.1, 0.1, limit=1.0) for _ in range(32)))
    assert sum(made) == 10
    assert book.spent == pytest.approx(1.0)
    assert book.most_under_way == 10


async def test_what_turns_out_cheaper_leaves_room_for_more() -> None:
    book = Book()
    made = await asyncio.gather(*(book.call(0.4, 0.1, limit=1.0) for _ in range(32)))
    assert sum(made) == 7
    assert book.spent <= 1.0


async def test_a_call_that_failed_costs_nothing() -> None:
    book = Book()
    for _ in range(3):
        with pytest.raises(ConnectionError):
            async with book.budget.reserved(1.0, 1.0):
                raise ConnectionError
    assert await book.call(1.0, 1.0, limit=1.0)


async def test_what_was_spent_before_counts_and_a_higher_limit_lets_go_on() -> None:
    book = Book(spent=0.95)
    assert not await book.call(0.1, 0.1, limit=1.0)
    assert await book.call(0.1, 0.1, limit=1.1)


async def test_one_who_gives_up_waiting_holds_up_nobody() -> None:
    book = Book()
    first = asyncio.create_task(book.call(1.0, 0.1, limit=1.0))
    await asyncio.sleep(0)
    second = asyncio.create_task(book.call(0.5, 0.1, limit=1.0))
    await asyncio.sleep(0)
    second.cancel()
    assert await first
    assert await book.call(0.9, 0.9, limit=1.0)
