"""The memo: what was made once is not made again, whatever became of those who asked."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.database import Database
from app.core.errors import ErrorCode, Problem
from app.core.settings import Settings
from app.memo import Memo, MemoEntry, Unit
from app.storage.encryption.setup import Encryption
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
def storage(tmp_path: Path) -> StorageManager:
    return StorageManager(tmp_path, "test")


@pytest.fixture
async def memo(database: Database, storage: StorageManager) -> AsyncIterator[Memo]:
    memo = Memo(database, storage)
    yield memo
    await memo.close()


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
    await memo.close()
    async with database.write() as session:
        await session.delete(await session.get_one(MemoEntry, UNIT.key))
    assert await memo.recall(UNIT, engine) == b"answer"
    assert engine.calls == 1
    await memo.close()
    async with database.read() as session:
        assert (await session.get_one(MemoEntry, UNIT.key)).size == len(b"answer")


async def test_an_answer_that_was_removed_is_made_again(memo: Memo, storage: StorageManager) -> None:
    engine = Engine()
    engine.released.set()
    await memo.recall(UNIT, engine)
    await storage.delete_prefix("memo/")
    assert await memo.recall(UNIT, engine) == b"answer"
    assert engine.calls == 2


async def test_a_damaged_answer_is_made_again(database: Database, tmp_path: Path) -> None:
    encryption = Encryption(Settings(_env_file=None, data_dir=tmp_path))
    await encryption.start()
    storage = StorageManager(tmp_path, "test", None, encryption.object_keys)
    memo, engine = Memo(database, storage), Engine()
    engine.released.set()
    await memo.recall(UNIT, engine)
    path = tmp_path / "objects" / UNIT.object_key
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert await memo.recall(UNIT, engine) == b"answer"
    assert await memo.recall(UNIT, engine) == b"answer"
    assert engine.calls == 2
    await memo.close()


async def test_two_processes_may_note_the_same_units_at_once(
    database: Database, storage: StorageManager
) -> None:
    engine = Engine()
    engine.released.set()
    units = [replace(UNIT, content=str(number)) for number in range(50)]
    memos = [Memo(database, storage) for _ in range(2)]
    await asyncio.gather(*(memo.recall(unit, engine) for memo in memos for unit in units))
    await asyncio.gather(*(memo.close() for memo in memos))
    async with database.read() as session:
        entries = (await session.scalars(select(MemoEntry))).all()
    assert {entry.key for entry in entries} == {unit.key for unit in units}
    made = 2 * len(units) - sum(entry.hits for entry in entries)
    assert made == engine.calls
