"""What is disturbed: one server on a small disk, or machines that share PostgreSQL and a bucket."""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bucket import Bucket
from tests.chaos.disk import small_disk
from tests.conftest import shared_by_machines
from tests.live_server import DIRECTLY, LiveProcess, LiveServer, LiveWorker
from tests.postgres import VARIABLE, Postgres

DISK_BYTES = 900 << 20
WORKERS = ("first", "second", "third")


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is asked, who may be killed, and the disk that may fill, if it is a small one."""

    server: LiveServer
    victims: Sequence[LiveProcess]
    disk: Path | None = None

    def attempts(self) -> Mapping[str, int]:
        """How often each job that is under way was begun; where machines share the jobs, others go on with
        those of the one that is killed."""
        if len(self.victims) > 1:
            return {}
        with closing(sqlite3.connect(self.server.data_dir / "app.sqlite")) as database:
            return dict(database.execute("SELECT id, attempt FROM jobs WHERE status = 'processing'"))


@contextmanager
def one_server(folder: Path, engines: str) -> Iterator[Scene]:
    """It does everything, and is the one who is killed. `engines` is the URL of theirs."""
    with (
        small_disk(folder / "disk", DISK_BYTES) as disk,
        LiveServer(disk / "data", OPENAI_BASE_URL=engines, launcher=DIRECTLY) as server,
    ):
        yield Scene(server, (server,), disk)


@contextmanager
def several_machines(folder: Path, engines: str) -> Iterator[Scene]:
    """A server that works as well, and three workers, one of whom is killed each time."""
    if not os.environ.get(VARIABLE):
        raise SystemExit(f"{VARIABLE} names no PostgreSQL server")
    with Postgres(os.environ[VARIABLE]) as postgres, Bucket() as bucket, ExitStack() as running:
        settings = {"OPENAI_BASE_URL": engines, **shared_by_machines(postgres, bucket)}
        server = running.enter_context(LiveServer(folder / "server", launcher=DIRECTLY, **settings))
        workers = [
            running.enter_context(LiveWorker(folder / name, name, launcher=DIRECTLY, **settings))
            for name in WORKERS
        ]
        yield Scene(server, workers)
