"""A server and two workers that share nothing but PostgreSQL and a bucket, as on three machines."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.bucket import Bucket
from tests.conftest import shared_by_machines
from tests.durability.stages import LANGUAGE, RENDER, RENDER_BODY, SPEECH, TRANSLATION, subtitled_video
from tests.live_server import LiveServer, LiveWorker
from tests.loopback.faults import Delay
from tests.loopback.openai_server import LoopbackOpenAI
from tests.postgres import Postgres

SERVER = "server"
TOPICS = ("one", "two", "three")
LINES = 6
UNIT_SECONDS = 0.5
SECONDS_TO_NOTICE = 12.0
MOST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Machines:
    """They do one job of a kind each at a time, so that three jobs keep all of them busy."""

    server: LiveServer
    workers: tuple[LiveWorker, LiveWorker]
    database_url: str

    def worker_of(self, task_id: str) -> str | None:
        """The name of the process that has begun it last."""
        with psycopg.connect(self.database_url.replace("+psycopg", "")) as database:
            row = database.execute("SELECT worker FROM jobs WHERE id = %s", [task_id]).fetchone()
        return None if row is None else row[0]


@pytest.fixture
def machines(
    tmp_path: Path, engines: LoopbackOpenAI, postgres: Postgres, bucket: Bucket
) -> Iterator[Machines]:
    settings = shared_by_machines(postgres, bucket)
    one_by_one = {"API_JOBS": "1", "OPENAI_MAX_CONCURRENCY": "1"}
    common = {"OPENAI_BASE_URL": engines.url, "WORKER_NAME": SERVER, **one_by_one, **settings}
    server = LiveServer(tmp_path / "server", **common)
    first, second = (LiveWorker(tmp_path / name, name, **common) for name in ("first", "second"))
    for process in (server, first, second):
        process.begin()  # all at once, on a queue that none has made yet
    with server, first, second:
        yield Machines(server, (first, second), settings["DATABASE_URL"])
        for process in (server, first, second):
            assert "Traceback" not in process.log()


def test_a_walk_on_three_machines_of_which_one_dies(
    machines: Machines, undisturbed: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    reference = prepare(undisturbed, half_minute)
    for video_id in reference:
        undisturbed.completed(f"/api/videos/{video_id}/{SPEECH.start}", SPEECH.body)

    server, (victim, survivor) = machines.server, machines.workers
    videos = prepare(server, half_minute)
    engines.fail(SPEECH.endpoint, Delay(UNIT_SECONDS), times=1000)
    tasks = [SPEECH.begin(server, video_id) for video_id in videos]
    server.wait(lambda: len({machines.worker_of(task) for task in tasks} - {None}) == len(TOPICS))
    orphan = next(task for task in tasks if machines.worker_of(task) == victim.name)
    victim.kill()
    engines.recover()
    began = time.monotonic()
    for task in tasks:
        assert server.finished(task)["status"] == "completed"
    assert time.monotonic() - began < SECONDS_TO_NOTICE + MOST_SECONDS
    assert machines.worker_of(orphan) in {SERVER, survivor.name}
    server.completed(f"/api/videos/{videos[0]}/{RENDER}", RENDER_BODY)

    for video_id, undisturbed_id in zip(videos, reference, strict=True):
        assert SPEECH.outcome(server, video_id) == SPEECH.outcome(undisturbed, undisturbed_id)
        assert spoken(server, video_id) == spoken(undisturbed, undisturbed_id)


def prepare(server: LiveServer, clip: Path) -> list[str]:
    """Videos with a translation each, all of different texts."""
    videos = [subtitled_video(server, clip, topic, LINES) for topic in TOPICS]
    for video_id in videos:
        server.completed(f"/api/videos/{video_id}/{TRANSLATION.start}", TRANSLATION.body)
    return videos


def spoken(server: LiveServer, video_id: str) -> bytes:
    """All the lines in one file."""
    audio = server.http.get(f"/api/videos/{video_id}/audio", params={"language": LANGUAGE})
    return audio.raise_for_status().content
