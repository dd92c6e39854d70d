"""The memo keeps within its size: the least recently used goes, and never what anybody needs."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.core.work import Work, working_on
from app.memo import Memo, MemoEntry, Unit
from app.memo.eviction import Eviction, EvictionRules
from app.storage.manager import StorageManager

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
BYTES = 100


def unit(number: int) -> Unit:
    return Unit(kind="clip", engine="", model="", content=str(number))


@dataclass
class Needs:
    """What the rest of the application says that it needs."""

    referred: set[str] = field(default_factory=set)
    began: datetime | None = None

    async def first_start(self, session: AsyncSession) -> datetime | None:
        return self.began

    async def among(self, session: AsyncSession, keys: Sequence[str]) -> set[str]:
        return self.referred & set(keys)


@pytest.fixture
def needs() -> Needs:
    return Needs()


@pytest.fixture
def storage(tmp_path: Path) -> StorageManager:
    return StorageManager(tmp_path, "test")


@pytest.fixture
def memo(database: Database, storage: StorageManager, needs: Needs) -> Memo:
    """Holds five results."""
    return _memo(database, storage, needs)


def _memo(
    database: Database, storage: StorageManager, needs: Needs, notice: timedelta = timedelta(0)
) -> Memo:
    rules = EvictionRules(5 * BYTES, needs.first_start, needs.among, unused_for=timedelta(0), notice=notice)
    return Memo(database, storage, Eviction(database, storage, rules))


async def made() -> bytes:
    return b"." * BYTES


async def fill(memo: Memo, database: Database, count: int = 8) -> None:
    """Results that were last used one after the other, long ago."""
    for number in range(count):
        await memo.recall(unit(number), made)
    await memo.close()
    async with database.write() as session:
        for number in range(count):
            used = LONG_AGO + timedelta(minutes=number)
            entry = update(MemoEntry).where(MemoEntry.key == unit(number).key)
            await session.execute(entry.values(last_used_at=used))


async def kept(database: Database, storage: StorageManager) -> list[int]:
    """The numbers of what is there; rows and objects agree."""
    async with database.read() as session:
        rows = set(await session.scalars(select(MemoEntry.key)))
    objects = {key.rpartition("/")[2] for key in await storage.keys("memo/")}
    assert rows == objects
    return [number for number in range(20) if unit(number).key in rows]


async def test_the_least_recently_used_goes(memo: Memo, database: Database, storage: StorageManager) -> None:
    await fill(memo, database)
    assert await memo.evict() == 4
    assert await kept(database, storage) == [4, 5, 6, 7]
    assert await memo.evict() == 0


async def test_what_was_used_again_stays(memo: Memo, database: Database, storage: StorageManager) -> None:
    await fill(memo, database)
    await memo.recall(unit(0), made)
    await memo.close()
    await memo.evict()
    assert await kept(database, storage) == [0, 5, 6, 7]


async def test_what_rows_refer_to_stays(
    memo: Memo, database: Database, storage: StorageManager, needs: Needs
) -> None:
    await fill(memo, database)
    needs.referred = {unit(0).object_key, unit(2).object_key}
    await memo.evict()
    assert await kept(database, storage) == [0, 2, 6, 7]


async def test_what_was_used_since_a_running_job_began_stays(
    memo: Memo, database: Database, storage: StorageManager, needs: Needs
) -> None:
    await fill(memo, database)
    needs.began = LONG_AGO + timedelta(minutes=2)
    assert await memo.evict() == 2
    assert await kept(database, storage) == [2, 3, 4, 5, 6, 7]


async def test_what_a_job_here_has_in_hand_stays(
    memo: Memo, database: Database, storage: StorageManager
) -> None:
    work = Work("task", "video", project_id=None)
    with working_on(work):
        await memo.recall(unit(0), made)
        with working_on(work_for("another")):
            await fill(memo, database)
        await memo.evict()
        assert await kept(database, storage) == [0, 4, 5, 6, 7]
    assert work.ended  # though it is still referred to here
    await fill(memo, database)
    await memo.evict()
    assert await kept(database, storage) == [4, 5, 6, 7]


async def test_a_use_within_the_notice_saves_it(
    database: Database, storage: StorageManager, needs: Needs
) -> None:
    """Another process, which knows nothing of the eviction, uses what is condemned."""
    memo, other = (_memo(database, storage, needs, timedelta(seconds=1)) for _ in range(2))
    await fill(memo, database)
    evicting = asyncio.create_task(memo.evict())
    await _until_condemned(database, unit(0))
    await other.recall(unit(0), made)
    await other.close()
    await evicting
    assert await kept(database, storage) == [0, 4, 5, 6, 7]


async def test_what_a_crash_left_condemned_goes_the_next_time(
    memo: Memo, database: Database, storage: StorageManager
) -> None:
    await fill(memo, database, count=3)
    async with database.write() as session:
        condemned = update(MemoEntry).where(MemoEntry.key == unit(1).key)
        await session.execute(condemned.values(condemned_at=LONG_AGO))
    await memo.evict()
    assert await kept(database, storage) == [0, 2]


async def test_what_has_vanished_is_made_again(
    memo: Memo, database: Database, storage: StorageManager, tmp_path: Path
) -> None:
    async def make_file() -> Path:
        source = tmp_path / "made"
        source.write_bytes(b"file")
        return source

    for _ in range(2):
        assert await memo.recall(unit(1), made) == b"." * BYTES
        assert (await memo.recall_file(unit(2), make_file, tmp_path)).read_bytes() == b"file"
        await storage.delete_prefix("memo/")
    await memo.close()


async def test_processes_that_want_the_same_at_once_all_get_it(
    database: Database, storage: StorageManager, needs: Needs
) -> None:
    async with AsyncExitStack() as stack:
        memos = [_memo(database, storage, needs) for _ in range(4)]
        for memo in memos:
            stack.push_async_callback(memo.close)
        results = await asyncio.gather(
            *(memo.recall(unit(number), made) for number in range(20) for memo in memos)
        )
    assert set(results) == {b"." * BYTES}
    assert await kept(database, storage) == list(range(20))


async def _until_condemned(database: Database, wanted: Unit) -> None:
    async with asyncio.timeout(10):
        while True:
            async with database.read() as session:
                entry = await session.get_one(MemoEntry, wanted.key)
            if entry.condemned_at is not None:
                return
            await asyncio.sleep(0.01)


def work_for(video_id: str) -> Work:
    return Work(task_id=f"task_{video_id}", video_id=video_id, project_id=None)


async def test_with_a_video_goes_what_no_other_has_used(
    memo: Memo, database: Database, storage: StorageManager
) -> None:
    for video_id, numbers in (("vid_1", (0, 1, 2)), ("vid_2", (2, 3))):
        with working_on(work_for(video_id)):
            for number in numbers:
                await memo.recall(unit(number), made)
    await memo.close()
    async with database.write() as session:
        await memo.forget(session, "vid_1")
    await memo.close()
    assert await memo.evict() == 2
    assert await kept(database, storage) == [2, 3]
    async with database.write() as session:
        await memo.forget(session, "vid_2")
    await memo.close()
    await memo.evict()
    assert await kept(database, storage) == []


async def test_unless_it_is_used_before_it_is_gone(
    memo: Memo, database: Database, storage: StorageManager
) -> None:
    with working_on(work_for("vid_1")):
        await memo.recall(unit(0), made)
    await memo.close()
    async with database.write() as session:
        await memo.forget(session, "vid_1")
    with working_on(work_for("vid_2")):
        await memo.recall(unit(0), made)
    await memo.close()
    await memo.evict()
    assert await kept(database, storage) == [0]
