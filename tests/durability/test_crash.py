"""The server dies at the worst of times and is started again on the same data."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from app.jobs.runner import MOST_INTERRUPTIONS
from app.media.probe import probe
from tests.durability.conftest import CALLS_AT_ONCE, EVERYWHERE
from tests.durability.processes import ffmpegs, files
from tests.durability.stages import (
    LANGUAGE,
    SPEECH,
    STAGES,
    TRANSLATION,
    Stage,
    begin_render,
    voiced_video,
)
from tests.live_server import LiveServer
from tests.loopback.faults import Delay
from tests.loopback.openai_server import LoopbackOpenAI

HELD = Delay(600)
# Calls that are open, and answers on their way to the disk.
IN_FLIGHT = 2 * CALLS_AT_ONCE


def begin_and_hold(stage: Stage, server: LiveServer, engines: LoopbackOpenAI, video_id: str) -> str:
    """Starts the task and returns its id when most units are finished and the engine holds the rest."""
    engines.fail(stage.endpoint, Delay(0), times=stage.most_units)
    engines.fail(stage.endpoint, HELD, times=100)
    task_id = stage.begin(server, video_id)
    task = server.waited_for(task_id, lambda task: task["progress"] > 50)
    assert task["status"] == "processing"
    return task_id


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What comes of a stage to which nothing happens, and the units that takes."""

    units: int
    outcome: list[tuple[object, ...]]


@pytest.fixture(scope="module")
def undisturbed_runs() -> dict[str, Undisturbed]:
    """By the name of the stage: a second run would find all units done."""
    return {}


@pytest.fixture
def reference(
    stage: Stage,
    undisturbed_runs: dict[str, Undisturbed],
    undisturbed: LiveServer,
    engines: LoopbackOpenAI,
    half_minute: Path,
) -> Undisturbed:
    if stage.name not in undisturbed_runs:
        video_id = stage.prepare(undisturbed, half_minute, "killed")
        assert undisturbed.finished(stage.begin(undisturbed, video_id))["status"] == "completed"
        outcome = stage.outcome(undisturbed, video_id)
        undisturbed_runs[stage.name] = Undisturbed(len(stage.requests(engines)), outcome)
        engines.forget()
    return undisturbed_runs[stage.name]


@EVERYWHERE
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_goes_on_after_a_kill(
    stage: Stage, server: LiveServer, reference: Undisturbed, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = stage.prepare(server, half_minute, "killed")
    task_id = begin_and_hold(stage, server, engines, video_id)
    seen = [server.task(task_id)["progress"]]
    server.kill()
    engines.recover()
    server.start()

    def ended() -> bool:
        task = server.task(task_id)
        seen.append(task["progress"])
        return bool(task["status"] == "completed")

    server.wait(ended)
    assert seen == sorted(seen)
    assert len(stage.requests(engines)) <= reference.units + IN_FLIGHT
    paid = server.http.get(f"/api/videos/{video_id}/usage").json()["total"]["calls"]
    assert reference.units <= paid <= len(stage.requests(engines))
    assert stage.outcome(server, video_id) == reference.outcome


@EVERYWHERE
def test_a_render_begins_anew_and_nothing_outlives_the_kill(
    server: LiveServer, engines: LoopbackOpenAI, large_clip: Path
) -> None:
    video_id = voiced_video(server, large_clip, "render")
    task_id = begin_render(server, video_id)
    assert ffmpegs(server.data_dir)
    server.kill()
    server.wait(lambda: not ffmpegs(server.data_dir), 2)

    server.start()
    assert server.finished(task_id)["status"] == "completed"
    assert not files(server.data_dir / "scratch")
    assert not unfinished(server)
    dub = server.data_dir.parent / "dub.mp4"
    url = f"/api/videos/{video_id}/dubbed-videos/es/file"
    dub.write_bytes(server.http.get(url).raise_for_status().content)
    assert probe(dub).duration == pytest.approx(probe(large_clip).duration, abs=0.05)


@EVERYWHERE
def test_what_an_operator_stops_goes_on_or_can_be_cancelled(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path, large_clip: Path
) -> None:
    rendered = voiced_video(server, large_clip, "stopped render")
    before = files(server.data_dir / "objects" / "videos" / rendered)
    translated = TRANSLATION.prepare(server, half_minute, "stopped")
    render = begin_render(server, rendered)
    translation = begin_and_hold(TRANSLATION, server, engines, translated)
    assert server.stop() == 0
    assert not ffmpegs(server.data_dir)

    engines.recover()
    server.start()
    server.http.post(f"/api/tasks/{render}/cancel").raise_for_status()
    assert server.finished(translation)["status"] == "completed"
    units = {request.lines for request in TRANSLATION.requests(engines)}
    assert len(TRANSLATION.requests(engines)) <= len(units) + IN_FLIGHT
    server.wait(lambda: not ffmpegs(server.data_dir), 2)
    server.wait(lambda: not files(server.data_dir / "scratch"), 2)
    assert files(server.data_dir / "objects" / "videos" / rendered) == before


def test_a_job_that_never_reached_the_queue_is_done(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    """As if the process had died between the row's commit and the queue."""
    video_id = TRANSLATION.prepare(server, half_minute, "unqueued")
    task_id = begin_and_hold(TRANSLATION, server, engines, video_id)
    server.kill()
    for path in server.data_dir.glob("jobs.sqlite*"):
        path.unlink()
    engines.recover()
    server.start()
    assert server.finished(task_id)["status"] == "completed"


def test_what_was_completed_right_before_a_kill_stays_so(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    """One of the tasks as if the queue had finished it and the row had not been told."""
    spoken = SPEECH.prepare(server, half_minute, "end")
    translated = TRANSLATION.prepare(server, half_minute, "unnoted")
    unnoted = TRANSLATION.begin(server, translated)
    assert server.finished(unnoted)["status"] == "completed"
    noted = SPEECH.begin(server, spoken)
    server.waited_for(noted, lambda task: task["status"] == "completed")
    server.kill()
    requests = len(engines.requests)
    with app_rows(server) as database:
        database.execute("UPDATE jobs SET status = 'processing', completed_at = NULL WHERE id = ?", [unnoted])

    server.start()
    assert server.task(noted)["status"] == "completed"
    audio = server.http.get(f"/api/videos/{spoken}/audio", params={"language": LANGUAGE})
    assert audio.raise_for_status().content[:4] == b"RIFF"
    assert server.finished(unnoted)["status"] == "completed"
    assert len(TRANSLATION.lines(server, translated)) == 120
    assert len(engines.requests) == requests


def test_a_job_that_keeps_bringing_the_server_down_is_given_up(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    """Also where another ticket takes the place of the first each time: its row counts."""
    video_id = TRANSLATION.prepare(server, half_minute, "poison")
    task_id = begin_and_hold(TRANSLATION, server, engines, video_id)
    for times in (1, 2):
        server.kill()
        with app_rows(server) as database:
            database.execute("UPDATE jobs SET ticket = ticket || 'x' WHERE id = ?", [task_id])
        server.start()
        server.wait(partial(was_interrupted, server, task_id, times))
    server.kill()
    with app_rows(server) as database:
        counted = [MOST_INTERRUPTIONS - 1, task_id]
        database.execute("UPDATE jobs SET interruptions = ? WHERE id = ?", counted)
    server.start()
    task = server.finished(task_id)
    assert (task["status"], task["error"]["code"]) == ("failed", "interrupted_too_often")
    assert str(MOST_INTERRUPTIONS) in task["error"]["message"]
    engines.recover()
    server.http.post(f"/api/tasks/{task_id}/retry").raise_for_status()
    assert server.finished(task_id)["status"] == "completed"


def test_another_process_takes_over_from_one_that_died(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    """As on two machines, or when a container comes up again under another name."""
    video_id = TRANSLATION.prepare(server, half_minute, "heir")
    task_id = begin_and_hold(TRANSLATION, server, engines, video_id)
    server.kill()
    engines.recover()
    with LiveServer(server.data_dir, OPENAI_BASE_URL=engines.url, WORKER_NAME="heir") as heir:
        assert heir.finished(task_id)["status"] == "completed"
        assert len(TRANSLATION.lines(heir, video_id)) == 120


def test_an_upload_cut_short_leaves_nothing(server: LiveServer, half_minute: Path) -> None:
    before = files(server.data_dir / "objects")

    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
        yield half_minute.read_bytes()
        while True:
            yield bytes(1 << 20)
            if files(server.data_dir / "objects") != before:
                server.kill()

    with suppress(httpx.TransportError):
        server.http.post(
            "/api/videos/upload",
            content=endless(),
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
    assert unfinished(server)
    server.start()
    assert files(server.data_dir / "objects") == before


@contextmanager
def app_rows(server: LiveServer) -> Iterator[sqlite3.Connection]:
    """The server's own database on SQLite; changes are committed."""
    with closing(sqlite3.connect(server.data_dir / "app.sqlite", timeout=10)) as database, database:
        yield database


def was_interrupted(server: LiveServer, task_id: str, times: int) -> bool:
    with app_rows(server) as database:
        query = "SELECT interruptions FROM jobs WHERE id = ?"
        return bool(database.execute(query, [task_id]).fetchone()[0] == times)


def unfinished(server: LiveServer) -> list[Path]:
    """The files that an object is gathered in before it is whole."""
    return [path for path in files(server.data_dir / "objects") if "#" in path.name]
