"""The memo: what was made once is not made again, whatever became of those who asked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.database import Database, after_commit
from app.core.errors import ErrorCode, Problem
from app.memo import Memo, MemoEntry, Unit
from app.storage.manager import StorageManager

UNIT = Unit(kind="speech", engine="tone", model="tone", content="a line")


class Engine:
    """Counts how often it is asked; answers once it is let go."""

    def __init__(self) -> None:
        self.calls = 0
        self.released = asyncio.Event()
        self.asked = asyncio.Event()

    async def __call__(self) -> bytes:
        self.calls += 1
        self.asked.set()
        await self.released.wait()
        return b"answer"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'app.sqlite'}")
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
def storage(tmp_path: Path) -> StorageManager:
    return StorageManager(tmp_path, "test")


@pytest.fixture
def memo(database: Database, storage: StorageManager) -> Memo:
    return Memo(database, storage)


async def test_two_who_ask_at_once_share_one_answer(memo: Memo) -> None:
    engine = Engine()
    first, second = (asyncio.create_task(memo.recall(UNIT, engine)) for _ in range(2))
    await engine.asked.wait()
    engine.released.set()
    assert await first == await second == b"answer"
    assert engine.calls == 1


async def test_one_who_gives_up_does_not_hold_up_the_next(memo: Memo) -> None:
    engine = Engine()
    first, second = (asyncio.create_task(memo.recall(UNIT, engine)) for _ in range(2))
    await engine.asked.wait()
    first.cancel()
    engine.released.set()
    assert await second == b"answer"
    assert engine.calls == 2


async def test_a_failure_is_not_remembered(memo: Memo) -> None:
    async def failing() -> bytes:
        raise Problem(ErrorCode.ENGINE_QUOTA)

    engine = Engine()
    engine.released.set()
    with pytest.raises(Problem):
        await memo.recall(UNIT, failing)
    assert await memo.recall(UNIT, engine) == b"answer"


async def test_an_answer_whose_row_a_crash_prevented_is_not_paid_again(
    memo: Memo, database: Database, storage: StorageManager
) -> None:
    engine = Engine()
    engine.released.set()
    await memo.recall(UNIT, engine)
    async with database.write() as session:
        await session.delete(await session.get_one(MemoEntry, UNIT.key))
    assert await memo.recall(UNIT, engine) == b"answer"
    assert engine.calls == 1
    async with database.read() as session:
        assert (await session.get_one(MemoEntry, UNIT.key)).size == len(b"answer")


async def test_an_answer_that_was_removed_is_made_again(memo: Memo, storage: StorageManager) -> None:
    engine = Engine()
    engine.released.set()
    await memo.recall(UNIT, engine)
    await storage.delete_prefix("memo/")
    assert await memo.recall(UNIT, engine) == b"answer"
    assert engine.calls == 2


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


async def test_writers_are_served_in_their_order(database: Database) -> None:
    order: list[int] = []

    async def write(number: int) -> None:
        async with database.write() as session:
            session.add(MemoEntry(key=str(number), kind="speech", size=1))
            await session.flush()
            order.append(number)

    async with asyncio.timeout(20):
        await asyncio.gather(*(write(number) for number in range(100)))
    assert order == list(range(100))


async def test_nothing_follows_a_transaction_that_failed(database: Database) -> None:
    happened: list[str] = []

    async def note() -> None:
        happened.append("committed")

    with pytest.raises(Problem):
        async with database.write() as session:
            after_commit(session, note)
            raise Problem(ErrorCode.TRACK_EMPTY)
    assert happened == []
