"""Signs of life: who may start under a name, whose jobs go to others, and how soon."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.database import Database
from app.core.errors import InvalidSettings
from app.jobs.workers import (
    LONGEST_SILENCE,
    Heartbeat,
    Worker,
    forget_workers,
    known_workers,
    silent_workers,
)
from app.storage.manager import StorageManager
from tests.durability.stages import TRANSLATION
from tests.durability.test_crash import begin_and_hold
from tests.live_server import LiveServer, LiveWorker
from tests.loopback.openai_server import LoopbackOpenAI

MOST_SECONDS = 15.0
HERE, ELSEWHERE = "host:/data", "another:/data"


async def silent(database: Database) -> frozenset[str]:
    async with database.read() as session:
        return await silent_workers(session)


async def pass_time(database: Database, name: str, time: timedelta) -> None:
    """For one that was just seen."""
    async with database.write() as session:
        worker = await session.get_one(Worker, name)
        worker.seen_at -= time


async def test_who_is_not_seen_for_long_is_silent(database: Database) -> None:
    first, second = Heartbeat(database, "first", HERE, {}), Heartbeat(database, "second", ELSEWHERE, {})
    await first.start(())
    await second.start(())
    assert await silent(database) == set()
    await pass_time(database, "second", LONGEST_SILENCE - timedelta(seconds=2))
    assert await silent(database) == set()
    await pass_time(database, "second", timedelta(seconds=3))
    assert await silent(database) == {"second"}
    async with database.write() as session:
        await forget_workers(session, ["second"])
        assert await known_workers(session) == {"first"}
    await first.stop()
    assert await silent(database) == {"first"}


async def test_a_name_that_is_alive_elsewhere_is_refused(database: Database) -> None:
    first, second = Heartbeat(database, "worker", HERE, {}), Heartbeat(database, "worker", ELSEWHERE, {})
    await first.start(())
    with pytest.raises(InvalidSettings, match=f"^WORKER_NAME: .* worker .* {HERE}$"):
        await second.start({"worker"})
    await first.stop()
    await second.start(())
    await second.stop()


async def test_who_is_known_to_have_died_here_need_not_be_waited_for(database: Database) -> None:
    dead, other = Heartbeat(database, "dead", HERE, {}), Heartbeat(database, "other", ELSEWHERE, {})
    await dead.start(())
    await other.start(())
    heir = Heartbeat(database, "heir", HERE, {})
    await heir.start({"dead", "other"})
    assert await silent(database) == {"dead"}
    for heart in (dead, other, heir):
        await heart.stop()


async def test_who_was_taken_for_dead_comes_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.jobs.workers.HEARTBEAT_SECONDS", 0.01)
    heart = Heartbeat(database, "worker", HERE, {})
    await heart.start(())
    async with database.write() as session:
        await forget_workers(session, ["worker"])
    names: frozenset[str] = frozenset()
    while not names:
        async with database.read() as session:
            names = await known_workers(session)
    assert names == {"worker"}
    await heart.stop()


async def test_a_folder_has_one_process_of_a_name(tmp_path: Path) -> None:
    first, second = StorageManager(tmp_path, "worker"), StorageManager(tmp_path, "worker")
    other = StorageManager(tmp_path, "other")
    await first.claim()
    with pytest.raises(InvalidSettings, match="WORKER_NAME"):
        await second.claim()
    assert other.abandoned().keys() == {"other"}
    first.close()
    assert other.abandoned().keys() == {"other", "worker"}
    await second.claim()
    second.close()


@pytest.fixture
def neighbours(tmp_path: Path, engines: LoopbackOpenAI) -> Iterator[tuple[LiveServer, LiveWorker]]:
    """A server and a worker on one machine and on SQLite."""
    settings = {"OPENAI_BASE_URL": engines.url, "OPENAI_MAX_RETRIES": "1", "WORKER_NAME": "server"}
    data = tmp_path / "data"
    with LiveServer(data, **settings) as server, LiveWorker(data, "worker", **settings) as worker:
        yield server, worker


def test_one_does_the_job_of_another_that_died(
    neighbours: tuple[LiveServer, LiveWorker], engines: LoopbackOpenAI, half_minute: Path
) -> None:
    server, worker = neighbours
    video_id = TRANSLATION.prepare(server, half_minute, "orphaned")
    task_id = begin_and_hold(TRANSLATION, server, engines, video_id)
    holder = row(server, task_id)[1]
    {"server": server, "worker": worker}[holder].kill()
    engines.recover()
    let_time_pass(server, holder)
    server.wait(lambda: row(server, task_id)[0] == "completed", MOST_SECONDS)
    assert row(server, task_id) == ("completed", "worker" if holder == "server" else "server")


def test_a_second_process_of_a_name_ends_with_one_line(
    neighbours: tuple[LiveServer, LiveWorker],
) -> None:
    server, worker = neighbours
    before = worker.log_size()
    twin = LiveWorker(server.data_dir, worker.name)
    twin.begin()
    assert twin.ended() == 2
    refusal = f"WORKER_NAME: a process named {worker.name} is already at work in {server.data_dir}\n"
    assert worker.log(before) == refusal


def let_time_pass(server: LiveServer, process: str) -> None:
    """As if one that has just died had done so long ago."""
    with closing(sqlite3.connect(server.data_dir / "app.sqlite")) as database, database:
        database.execute("UPDATE workers SET seen_at = '2026-01-01 00:00:00' WHERE name = ?", [process])


def row(server: LiveServer, task_id: str) -> tuple[str, str]:
    """The status of a job and the process that runs it, or ran it last."""
    with closing(sqlite3.connect(server.data_dir / "app.sqlite")) as database:
        query = "SELECT status, worker FROM jobs WHERE id = ?"
        status, process = database.execute(query, [task_id]).fetchone()
    return str(status), str(process)
