"""Limits per minute that several processes keep together."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update

from app.core.database import Database
from app.core.gate.gate import Gate, GateLimits
from app.ledger.minutes import SharedMinutes
from app.ledger.models import SpentSecond

SHORTLY = 0.2


@dataclass(frozen=True, slots=True)
class Processes:
    """Two with the same limits on one database."""

    database: Database
    first: SharedMinutes
    second: SharedMinutes

    @classmethod
    def of(cls, database: Database, limits: GateLimits) -> "Processes":
        return cls(database, SharedMinutes(database, limits), SharedMinutes(database, limits))

    async def let_pass(self, seconds: int) -> None:
        """As if all that was spent had been spent so much earlier."""
        async with self.database.write() as session:
            await session.execute(update(SpentSecond).values(second=SpentSecond.second - seconds))


async def waits(call: Coroutine[Any, Any, object]) -> bool:
    try:
        await asyncio.wait_for(call, SHORTLY)
    except TimeoutError:
        return True
    return False


async def test_requests_of_all_count(database: Database) -> None:
    both = Processes.of(database, GateLimits(8, requests_per_minute=3))
    for process in (both.first, both.second, both.first):
        await process.spend(0)
    assert await waits(both.second.spend(0))
    await both.let_pass(50)
    assert await waits(both.second.spend(0))
    await both.let_pass(12)
    assert not await waits(both.second.spend(0))


async def test_tokens_that_were_not_used_are_there_for_others(database: Database) -> None:
    both = Processes.of(database, GateLimits(8, tokens_per_minute=100))
    spent = await both.first.spend(90)
    assert spent is not None
    assert await waits(both.second.spend(90))
    await both.first.correct(spent, -80)
    assert not await waits(both.second.spend(90))
    assert await waits(both.first.spend(1))


async def test_what_is_more_than_a_minute_allows_goes_through_alone(database: Database) -> None:
    both = Processes.of(database, GateLimits(8, tokens_per_minute=100))
    assert not await waits(both.first.spend(1000))
    assert await waits(both.second.spend(1))


async def test_where_there_is_no_limit_nothing_is_noted(database: Database) -> None:
    assert await SharedMinutes(database, GateLimits(8)).spend(10) is None


async def test_the_gates_of_two_processes_keep_one_limit(database: Database) -> None:
    limits = GateLimits(8, tokens_per_minute=100)
    first, second = (Gate(limits, SharedMinutes(database, limits)) for _ in range(2))
    async with first.passing(first.place(90)) as passage:
        passage.succeeded(60)
    async with second.passing(second.place(40)):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(first.passing(first.place(1)).__aenter__(), SHORTLY)
