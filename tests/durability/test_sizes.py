"""How many jobs a process does at once, and what becomes of those it has no room for."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.core.machine import Machine, MachineWatch, free_memory, idle_machine, usable_cores
from app.jobs.sizes import NoRoom, Room, sizes_for
from tests.durability.stages import SPEECH, translated_video
from tests.live_server import LiveServer, LiveWorker
from tests.loopback import faults
from tests.loopback.openai_server import LoopbackOpenAI

GIB = 1024**3


@pytest.mark.parametrize(
    ("cores", "others", "gibibytes", "api", "cpu"),
    [
        (1, 0, 4, 4, 1),
        (2, 0, 16, 8, 1),
        (4, 0, 16, 16, 2),
        (16, 0, 64, 64, 8),
        (16, 9.6, 64, 64, 3),
        (16, 16, 64, 64, 1),
        (16, 0, 2, 20, 4),
        (16, 0, 0.1, 1, 1),
        (0.5, 0, 4, 2, 1),
    ],
)
def test_sizes_follow_the_machine(cores: float, others: float, gibibytes: float, api: int, cpu: int) -> None:
    assert sizes_for(Machine(cores, others, int(gibibytes * GIB))) == {"api": api, "cpu": cpu}


def test_what_the_machine_shows() -> None:
    seen, idle = MachineWatch().look(), idle_machine()
    assert seen.others >= 0
    assert 0 < seen.memory <= idle.memory
    assert seen.cores == idle.cores == usable_cores()


def test_a_control_group_has_less_than_its_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.machine.CGROUP", tmp_path)
    limits = {"cpu.max": "50000 100000", "memory.max": "1000", "memory.current": "700"}
    for name, limit in (limits | {"memory.stat": "anon 500\ninactive_file 200"}).items():
        (tmp_path / name).write_text(f"{limit}\n")
    assert (usable_cores(), free_memory()) == (0.5, 500)
    for name in ("cpu.max", "memory.max"):
        (tmp_path / name).write_text("max 100000\n" if name == "cpu.max" else "max\n")
    assert usable_cores() >= 1
    assert free_memory() > 500


async def test_a_room_that_grows_lets_in_who_waits() -> None:
    room = Room(1)
    entered = asyncio.Event()

    async def enter() -> None:
        async with room.place(60):
            entered.set()

    async with room.place(60):
        waiting = asyncio.create_task(enter())
        with pytest.raises(NoRoom):
            async with room.place(0.01):
                pass
        assert not entered.is_set()
        await room.resize(2)
        await waiting
        await room.resize(0)
        assert room.running == 1
    assert room.running == 0


def test_what_one_process_has_no_room_for_another_does(
    tmp_path: Path, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    settings = {"OPENAI_BASE_URL": engines.url, "OPENAI_MAX_CONCURRENCY": "1"}
    data = tmp_path / "data"
    with ExitStack() as stack:
        server = stack.enter_context(LiveServer(data, WORKER_NAME="server", API_JOBS="1", **settings))
        stack.enter_context(LiveWorker(data, "worker", API_JOBS="2", **settings))
        videos = [translated_video(server, half_minute, str(number), lines=12) for number in range(4)]
        engines.fail(SPEECH.endpoint, faults.Delay(0.5), times=1000)
        tasks = [SPEECH.begin(server, video) for video in videos]

        def running() -> dict[str, tuple[int, int]]:
            workers = server.http.get("/api/workers").raise_for_status().json()["workers"]
            queues = {worker["name"]: worker["queues"] for worker in workers}
            api = {name: next(q for q in all_ if q["queue"] == "api") for name, all_ in queues.items()}
            return {name: (queue["running"], queue["size"]) for name, queue in api.items()}

        server.wait(lambda: running() == {"server": (1, 1), "worker": (2, 2)})
        assert sorted(server.task(task)["status"] for task in tasks) == [*["processing"] * 3, "queued"]
        engines.recover()
        for task in tasks:
            assert server.finished(task)["status"] == "completed"
