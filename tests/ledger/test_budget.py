"""Limits on costs hold while many calls are under way in several processes, and stop no call that would
have fitted."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from alembic.config import Config
from sqlalchemy import Connection, func, select, text, update

from alembic import command
from app.core.database import MIGRATIONS, Database, utc_now
from app.core.errors import ErrorCode, Problem
from app.ledger.budget import Budgets
from app.ledger.limits import Limit, MonthLimit, PlannedCall, TaskLimit
from app.ledger.models import Reservation, UsageEntry

TASK = "task_1"
PROJECT = "prj_1"
NAMES = ("first", "second")


@dataclass
class Book:
    """Two processes that spend on the tasks of one project: calls that cost `actual` where `expected` was
    expected."""

    database: Database
    living: frozenset[str] = frozenset(NAMES)
    under_way: int = 0
    most_under_way: int = 0
    refused: Counter[ErrorCode] = field(default_factory=Counter)
    processes: list[Budgets] = field(init=False)

    def __post_init__(self) -> None:
        self.processes = [Budgets(self.database, name, lambda: self.living) for name in NAMES]

    def reserved(
        self,
        expected: float,
        limit: float | None = None,
        process: int = 0,
        *,
        task: str = TASK,
        month: float | None = None,
    ) -> AbstractAsyncContextManager[None]:
        limits: list[Limit] = [] if limit is None else [TaskLimit(task, limit)]
        if month is not None:
            limits.append(MonthLimit(PROJECT, month))
        return self.processes[process].reserved(PlannedCall(task, PROJECT, expected), limits)

    async def call(
        self,
        expected: float,
        actual: float,
        limit: float | None = None,
        process: int = 0,
        *,
        task: str = TASK,
        month: float | None = None,
    ) -> bool:
        """Whether it could be made."""
        try:
            async with self.reserved(expected, limit, process, task=task, month=month):
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
                await self.spend(actual, task)
                self.under_way -= 1
        except Problem as problem:
            self.refused[problem.code] += 1
            return False
        return True

    async def calls(self, expected: float, actual: float, limit: float) -> list[bool]:
        turns = (self.call(expected, actual, limit, process=number % 2) for number in range(32))
        return await asyncio.gather(*turns)

    async def spend(
        self, amount: float, task: str = TASK, project: str = PROJECT, day: date | None = None
    ) -> None:
        call = {"engine": "openai", "kind": "speech", "model": "tts-1", "day": day or utc_now().date()}
        async with self.database.write() as session:
            session.add(UsageEntry(task_id=task, project_id=project, cost=amount, **call))

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
    assert book.refused == {ErrorCode.COST_LIMIT_REACHED: 22}
    assert await book.spent() == pytest.approx(1.0)
    assert book.most_under_way <= 10


async def test_several_are_under_way_at_once_here_and_elsewhere(book: Book) -> None:
    async with (
        asyncio.timeout(10),
        book.reserved(0.1, 1.0),
        book.reserved(0.1, 1.0),
        book.reserved(0.1, 1.0, process=1),
    ):
        assert await book.call(0.1, 0.1, limit=1.0, process=1)


async def test_what_turns_out_cheaper_leaves_room_for_more(book: Book) -> None:
    made = await book.calls(0.4, 0.1, limit=1.0)
    assert sum(made) == 7
    assert await book.spent() <= 1.0


async def test_a_call_that_failed_costs_nothing(book: Book) -> None:
    for process in (0, 1, 0, 1):
        with pytest.raises(ConnectionError):
            async with book.reserved(1.0, 1.0, process):
                raise ConnectionError
    assert await book.call(1.0, 1.0, limit=1.0)


async def test_what_was_spent_before_counts_and_a_higher_limit_lets_go_on(book: Book) -> None:
    await book.spend(0.95)
    assert not await book.call(0.1, 0.1, limit=1.0)
    assert await book.call(0.1, 0.1, limit=1.1)


async def test_one_who_gives_up_waiting_holds_up_nobody(book: Book) -> None:
    async with book.reserved(0.9, 1.0, process=1):
        waiting = asyncio.create_task(book.call(0.5, 0.5, limit=1.0))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting, 0.05)
    assert await book.call(0.9, 0.9, limit=1.0)


async def test_what_a_process_had_under_way_when_it_died_is_not_waited_for(book: Book) -> None:
    async with book.reserved(1.0, 1.0, process=1):
        async with book.database.write() as session:
            await session.execute(update(Reservation).values(created_at=utc_now() - timedelta(minutes=1)))
        book.living = frozenset({"first"})
        assert await book.call(1.0, 1.0, limit=1.0)


async def test_a_process_that_starts_again_has_nothing_under_way(book: Book) -> None:
    async with book.reserved(1.0, 1.0):
        await book.processes[0].clear()
        assert await book.call(1.0, 1.0, limit=1.0)


async def test_the_end_of_a_call_that_cannot_be_noted_is_noted_later(book: Book) -> None:
    async with book.reserved(1.0, 1.0):
        await book.execute("ALTER TABLE reservations RENAME TO out_of_reach")
    await book.execute("ALTER TABLE out_of_reach RENAME TO reservations")
    assert await book.call(1.0, 1.0, limit=1.0)


async def test_several_tasks_at_once_never_pass_what_the_project_may_spend_in_a_month(book: Book) -> None:
    turns = (
        book.call(0.1, 0.1, process=number % 2, task=f"task_{number % 8}", month=1.0) for number in range(32)
    )
    made = await asyncio.gather(*turns)
    assert sum(made) == 10
    assert book.refused == {ErrorCode.QUOTA_REACHED: 22}
    assert await book.spent() == pytest.approx(1.0)


async def test_every_limit_is_kept(book: Book) -> None:
    turns = (
        book.call(0.1, 0.1, 0.3, number % 2, task=f"task_{number % 4}", month=1.0) for number in range(32)
    )
    made = await asyncio.gather(*turns)
    assert sum(made) == 10
    assert book.refused.keys() == {ErrorCode.COST_LIMIT_REACHED, ErrorCode.QUOTA_REACHED}
    async with book.database.read() as session:
        of_tasks = select(func.sum(UsageEntry.cost)).group_by(UsageEntry.task_id)
        assert all(cost is not None and cost <= 0.3 + 1e-9 for cost in await session.scalars(of_tasks))


async def test_what_other_tasks_turn_out_not_to_need_is_left_for_more(book: Book) -> None:
    turns = (
        book.call(0.4, 0.1, process=number % 2, task=f"task_{number}", month=1.0) for number in range(32)
    )
    assert sum(await asyncio.gather(*turns)) == 7
    assert await book.spent() <= 1.0


async def test_a_task_that_waits_for_its_own_calls_holds_up_no_other(book: Book) -> None:
    async with asyncio.timeout(10), book.reserved(0.3, 0.4, month=1.0):
        waiting = asyncio.create_task(book.call(0.2, 0.2, limit=0.4, month=1.0))
        await asyncio.sleep(0)
        assert await book.call(0.2, 0.2, limit=0.4, task="task_2", month=1.0)
        assert not waiting.done()
    assert await waiting


async def test_a_month_is_one_projects_and_begins_with_nothing_spent(book: Book) -> None:
    await book.spend(1.0, project="prj_2")
    await book.spend(1.0, day=utc_now().date().replace(day=1) - timedelta(days=1))
    assert await book.call(1.0, 1.0, month=1.0)
    assert not await book.call(0.1, 0.1, month=1.0)


async def test_what_was_paid_before_projects_were_noted_counts_too(book: Book) -> None:
    async with book.database.engine.begin() as connection:
        await connection.run_sync(move_schema, command.downgrade, "0018")
    await book.execute(
        f"INSERT INTO projects (id, name, created_at) VALUES ('{PROJECT}', '', current_timestamp)"
    )
    await book.execute(f"INSERT INTO holdings VALUES ('vid_1', '{PROJECT}', 1, 1)")
    for video in ("'vid_1'", "'vid_2'", "NULL"):
        await book.execute(
            "INSERT INTO usage (video_id, engine, kind, model, cost, day, created_at) "
            f"VALUES ({video}, 'openai', 'speech', 'tts-1', 0.9, current_date, current_timestamp)"
        )
    async with book.database.engine.begin() as connection:
        await connection.run_sync(move_schema, command.upgrade, "head")
    assert not await book.call(0.2, 0.2, month=1.0)
    assert await book.call(0.1, 0.1, month=1.0)


def move_schema(connection: Connection, move: Callable[[Config, str], None], revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    move(config, revision)
