"""Transactions: their order, and what follows them."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection

import app.resources  # noqa: F401 - importing the models fills the metadata
from app.core.database import Base, Database, after_commit, take_turn
from app.core.errors import ErrorCode, Problem
from app.memo import MemoEntry
from tests.postgres import Postgres


async def test_what_follows_a_commit_happens_in_order_and_in_spite_of_failures(database: Database) -> None:
    happened: list[str] = []

    async def failing() -> None:
        happened.append("failed")
        raise Problem(ErrorCode.STORAGE_FULL)

    async def succeeding() -> None:
        happened.append("succeeded")

    with pytest.raises(Problem):
        async with database.write() as session:
            session.add(MemoEntry(key="kept", kind="speech", size=1))
            after_commit(session, failing)
            after_commit(session, succeeding)
    assert happened == ["failed", "succeeded"]
    async with database.read() as session:
        assert await session.get(MemoEntry, "kept") is not None


async def test_many_writers_at_once_are_all_served_and_on_sqlite_in_their_order(database: Database) -> None:
    order: list[int] = []

    async def write(number: int) -> None:
        async with database.write() as session:
            session.add(MemoEntry(key=str(number), kind="speech", size=1))
            await session.flush()
            order.append(number)

    async with asyncio.timeout(20):
        await asyncio.gather(*(write(number) for number in range(100)))
    in_order = database.url.get_backend_name() == "sqlite"
    assert (order if in_order else sorted(order)) == list(range(100))


async def test_a_cancellation_comes_after_what_follows_a_commit(database: Database) -> None:
    happened: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        await go_on.wait()
        happened.append("followed")

    async def write() -> None:
        async with database.write() as session:
            session.add(MemoEntry(key="kept", kind="speech", size=1))
            after_commit(session, slow)
        await asyncio.sleep(0)
        happened.append("too late")

    task = asyncio.create_task(write())
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert happened == ["followed"]


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_cancellation_at_any_moment_leaves_nothing_begun(database: Database, kind: str) -> None:
    begin = database.read if kind == "read" else database.write

    async def work() -> None:
        async with begin() as session:
            await session.get(MemoEntry, "any")
            await session.get(MemoEntry, "other")

    await work()
    for moment in range(100):
        task = asyncio.create_task(work())
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        async with asyncio.timeout(20):
            await work()


async def test_nothing_follows_a_transaction_that_failed(database: Database) -> None:
    happened: list[str] = []

    async def note() -> None:
        happened.append("committed")

    with pytest.raises(Problem):
        async with database.write() as session:
            after_commit(session, note)
            raise Problem(ErrorCode.TRACK_EMPTY)
    assert happened == []


async def test_processes_that_start_at_once_migrate_one_after_the_other(postgres: Postgres) -> None:
    databases = [Database(url) for url in [postgres.empty()] * 3]
    await asyncio.gather(*(database.migrate() for database in databases))
    for database in databases:
        await database.close()


async def test_what_is_read_in_turn_stays_true(database: Database) -> None:
    """As when two requests for the same work come at once."""

    async def add_if_none() -> None:
        async with database.write() as session:
            await take_turn(session, "memo")
            if await session.get(MemoEntry, "first") is None:
                await asyncio.sleep(0)
                session.add(MemoEntry(key="first", kind="speech", size=1))

    await asyncio.gather(*(add_if_none() for _ in range(10)))


async def test_the_tables_are_as_the_models_say(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
