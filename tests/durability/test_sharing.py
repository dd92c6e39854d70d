"""Units that several processes go through at once: in which order, and each made by one of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.core.database import Database
from app.core.errors import ErrorCode, Problem
from app.core.sharing import MadeElsewhere, each_of
from app.core.work import Work, working_on
from app.memo import Memo, MemoEntry, Unit
from app.memo.claims import Claims
from app.memo.models import MemoClaim
from app.storage.manager import StorageManager

UNIT = Unit(kind="speech", engine="tone", model="tone", content="a line")
JOB = Work("task", "video", project_id="project")
AT_ONCE = 2

Process = Callable[[str], Memo]


async def order_of(assistant: int, count: int = 8) -> list[int]:
    """In which the units are begun."""
    begun: list[int] = []

    async def do(unit: int) -> int:
        begun.append(unit)
        return unit

    with working_on(replace(JOB, assistant=assistant)):
        assert await each_of(range(count), do, at_once=1) == list(range(count))
    return begun


async def test_the_job_begins_at_the_front_and_assistants_far_from_each_other() -> None:
    assert await order_of(0) == list(range(8))
    assert await order_of(1) == [4, 5, 6, 7, 0, 1, 2, 3]
    assert [(await order_of(number))[0] for number in range(1, 8)] == [4, 2, 6, 1, 5, 3, 7]


async def test_what_is_made_elsewhere_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.sharing.COMING_BACK_SECONDS", 0.01)
    begun: list[int] = []

    async def do(unit: int) -> str:
        begun.append(unit)
        if unit in (0, 2) and begun.count(unit) < 3:
            raise MadeElsewhere
        return str(unit)

    assert await each_of(range(4), do, at_once=1) == ["0", "1", "2", "3"]
    assert begun == [0, 1, 2, 3, 0, 2, 0, 2]


async def test_no_more_are_under_way_than_wanted() -> None:
    under_way = most = 0

    async def do(unit: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1

    await each_of(range(20), do, at_once=3)
    assert most == 3


@dataclass
class Engine:
    """Answers each unit once it is let go."""

    asked: list[str] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def making(self, unit: Unit) -> Callable[[], "asyncio.Future[bytes]"]:
        return lambda: asyncio.ensure_future(self._make(unit))

    async def _make(self, unit: Unit) -> bytes:
        self.asked.append(unit.content)
        self._news.release()
        await self.released.wait()
        return unit.content.encode()

    async def has_been_asked(self, times: int = 1) -> None:
        """Returns when it has been asked so many times more."""
        for _ in range(times):
            await self._news.acquire()


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
async def process(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Process]:
    """The memo of a process, by its name; all share their objects and know that they are not alone."""
    monkeypatch.setattr("app.memo.claims.LOOKING_SECONDS", 0.01)
    monkeypatch.setattr("app.core.sharing.COMING_BACK_SECONDS", 0.01)
    async with AsyncExitStack() as stack:

        def start(name: str) -> Memo:
            claims = Claims(database, name, AT_ONCE, wanted=lambda: True)
            memo = Memo(database, StorageManager(tmp_path, name), claims=claims)
            stack.push_async_callback(memo.close)
            return memo

        yield start


async def claims_in(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(MemoClaim)) or 0


async def test_two_processes_make_a_costly_unit_once(
    process: Process, engine: Engine, database: Database
) -> None:
    first = asyncio.create_task(process("first").recall(UNIT, engine.making(UNIT), costly=True))
    await engine.has_been_asked()
    second = asyncio.create_task(process("second").recall(UNIT, engine.making(UNIT), costly=True))
    engine.released.set()
    assert await first == await second == b"a line"
    assert engine.asked == ["a line"]
    assert await claims_in(database) == 0


async def test_who_has_other_units_does_not_wait(process: Process, engine: Engine) -> None:
    units = [replace(UNIT, content=str(number)) for number in range(4)]
    first, second = process("first"), process("second")
    holding = asyncio.create_task(first.recall(units[0], engine.making(units[0]), costly=True))
    await engine.has_been_asked()
    fast = Engine()
    fast.released.set()

    async def recall(unit: Unit) -> bytes:
        return await second.recall(unit, fast.making(unit), costly=True)

    rest = asyncio.create_task(each_of(units, recall, at_once=1))
    await fast.has_been_asked(3)
    engine.released.set()
    assert await rest == [b"0", b"1", b"2", b"3"]
    assert await holding == b"0"
    assert (engine.asked, fast.asked) == (["0"], ["1", "2", "3"])


async def test_a_job_claims_no_more_than_it_can_make_at_once(
    process: Process, engine: Engine, database: Database
) -> None:
    memo = process("first")
    units = [replace(UNIT, content=str(number)) for number in range(5)]

    async def recall(unit: Unit) -> bytes:
        return await memo.recall(unit, engine.making(unit), costly=True)

    with working_on(JOB):
        task = asyncio.create_task(each_of(units, recall, at_once=5))
        await engine.has_been_asked(AT_ONCE)
        assert await claims_in(database) == AT_ONCE
        engine.released.set()
        await task


async def test_a_claim_of_the_dead_lapses(process: Process, engine: Engine, database: Database) -> None:
    dead = asyncio.create_task(process("dead").recall(UNIT, engine.making(UNIT), costly=True))
    await engine.has_been_asked()
    async with database.write() as session:
        claim = (await session.scalars(select(MemoClaim))).one()
        claim.until -= timedelta(seconds=11)
    quick = Engine()
    quick.released.set()
    assert await process("heir").recall(UNIT, quick.making(UNIT), costly=True) == b"a line"
    assert quick.asked == ["a line"]
    dead.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dead


async def test_a_failure_and_a_cancellation_give_the_claim_up(
    process: Process, engine: Engine, database: Database
) -> None:
    async def failing() -> bytes:
        raise Problem(ErrorCode.ENGINE_QUOTA)

    memo = process("first")
    with pytest.raises(Problem):
        await memo.recall(UNIT, failing, costly=True)
    assert await claims_in(database) == 0
    task = asyncio.create_task(memo.recall(UNIT, engine.making(UNIT), costly=True))
    await engine.has_been_asked()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await claims_in(database) == 0


async def test_whoever_is_alone_claims_nothing(engine: Engine, database: Database, tmp_path: Path) -> None:
    claims = Claims(database, "alone", AT_ONCE, wanted=lambda: False)
    memo = Memo(database, StorageManager(tmp_path, "alone"), claims=claims)
    task = asyncio.create_task(memo.recall(UNIT, engine.making(UNIT), costly=True))
    await engine.has_been_asked()
    assert await claims_in(database) == 0
    engine.released.set()
    await task
    await memo.close()


async def test_what_an_assistant_made_is_no_saving(
    process: Process, engine: Engine, database: Database
) -> None:
    engine.released.set()
    assistant, holder = process("assistant"), process("holder")
    with working_on(replace(JOB, assistant=1)):
        await assistant.recall(UNIT, engine.making(UNIT), costly=True)
        await assistant.close()
    with working_on(JOB):
        await holder.recall(UNIT, engine.making(UNIT), costly=True)
        await holder.close()
    async with database.read() as session:
        assert (await session.get_one(MemoEntry, UNIT.key)).hits == 0
