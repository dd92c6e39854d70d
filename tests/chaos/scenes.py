"""What is disturbed: one server on a small disk, or machines that share PostgreSQL and a bucket."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bucket import Bucket
from tests.chaos.disk import small_disk
from tests.conftest import shared_by_machines
from tests.live_server import LiveProcess, LiveServer, LiveWorker
from tests.postgres import VARIABLE, Postgres

DISK_BYTES = 900 << 20
WORKERS = ("first", "second", "third")


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is asked, who may be killed, and the disk that may fill, if it is a small one."""

    server: LiveServer
    victims: Sequence[LiveProcess]
    disk: Path | None = None


@contextmanager
def one_server(folder: Path, engines: str) -> Iterator[Scene]:
    """It does everything, and is the one who is killed. `engines` is the URL of theirs."""
    with (
        small_disk(folder / "disk", DISK_BYTES) as disk,
        LiveServer(disk / "data", OPENAI_BASE_URL=engines) as server,
    ):
        yield Scene(server, (server,), disk)


@contextmanager
def several_machines(folder: Path, engines: str) -> Iterator[Scene]:
    """A server that works as well, and three workers, one of whom is killed each time."""
    if not os.environ.get(VARIABLE):
        raise SystemExit(f"{VARIABLE} names no PostgreSQL server")
    with Postgres(os.environ[VARIABLE]) as postgres, Bucket() as bucket, ExitStack() as running:
        settings = {"OPENAI_BASE_URL": engines, **shared_by_machines(postgres, bucket)}
        server = running.enter_context(LiveServer(folder / "server", **settings))
        workers = [running.enter_context(LiveWorker(folder / name, name, **settings)) for name in WORKERS]
        yield Scene(server, workers)
