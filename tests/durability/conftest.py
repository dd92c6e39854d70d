from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bucket import Bucket
from tests.conftest import make_clip, shared_by_machines
from tests.live_server import LiveServer
from tests.loopback.openai_server import LoopbackOpenAI
from tests.postgres import Postgres

CALLS_AT_ONCE = 2
HUGE_BYTES = 512 << 20
EVERYWHERE = pytest.mark.parametrize("server", ["mortal", "mortal_on_postgres"], indirect=True)


@pytest.fixture(scope="session")
def engine_server() -> Iterator[LoopbackOpenAI]:
    with LoopbackOpenAI() as server:
        yield server


@pytest.fixture
def engines(engine_server: LoopbackOpenAI) -> Iterator[LoopbackOpenAI]:
    """What the servers of these tests call; it has seen no request and plans no fault."""
    engine_server.forget()
    yield engine_server
    engine_server.forget()


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory, engine_server: LoopbackOpenAI) -> Iterator[LiveServer]:
    with served(tmp_path_factory.mktemp("mortal") / "data", engine_server) as server:
        yield server


@pytest.fixture(scope="module")
def mortal_on_postgres(
    tmp_path_factory: pytest.TempPathFactory,
    engine_server: LoopbackOpenAI,
    postgres: Postgres,
    bucket: Bucket,
) -> Iterator[LiveServer]:
    data = tmp_path_factory.mktemp("postgres") / "data"
    with served(data, engine_server, **shared_by_machines(postgres, bucket)) as server:
        yield server


@pytest.fixture
def server(request: pytest.FixtureRequest, engines: LoopbackOpenAI) -> Iterator[LiveServer]:
    """A running server that may be killed and started again; nothing unexpected may happen in it. By
    `EVERYWHERE` it is one on SQLite and a folder, and one on PostgreSQL and a bucket."""
    mortal: LiveServer = request.getfixturevalue(getattr(request, "param", "mortal"))
    if not mortal.running:
        mortal.start()
    before = mortal.log_size()
    yield mortal
    assert "Traceback" not in mortal.log(before)


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, engine_server: LoopbackOpenAI
) -> Iterator[LiveServer]:
    """A server that nothing ever happens to, to compare with."""
    with served(tmp_path_factory.mktemp("undisturbed") / "data", engine_server) as server:
        yield server


@pytest.fixture(scope="session")
def patient(tmp_path_factory: pytest.TempPathFactory, engine_server: LoopbackOpenAI) -> Iterator[LiveServer]:
    """A server whose jobs wait for an engine, one job at a time."""
    data_dir = tmp_path_factory.mktemp("patient") / "data"
    waiting = {"PAUSE_SECONDS": "0.5", "PAUSE_HOURS": "1", "OPENAI_RETRY_SECONDS": "1"}
    with served(data_dir, engine_server, **waiting, API_JOBS="1") as server:
        yield server


@pytest.fixture(scope="session")
def half_minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty seconds with a burst of sound every three."""
    path = tmp_path_factory.mktemp("clips") / "half a minute.mp4"
    make_clip(path, seconds=30)
    return path


@pytest.fixture(scope="session")
def large_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough that burning subtitles into it takes seconds."""
    path = tmp_path_factory.mktemp("clips") / "large.mp4"
    make_clip(path, seconds=9, size="960x540")
    return path


@pytest.fixture
def huge(tmp_path: Path, clip: Path) -> Path:
    """A video of half a GiB, nearly all of it a hole that takes no room on the disk."""
    path = tmp_path / "huge.mp4"
    content = clip.read_bytes()
    padding = HUGE_BYTES - len(content)
    with path.open("wb") as file:
        file.write(content + padding.to_bytes(4) + b"free")
        file.truncate(HUGE_BYTES)
    return path


def served(data_dir: Path, engines: LoopbackOpenAI, **settings: str) -> LiveServer:
    """Jobs fail at an outage unless the `settings` say otherwise."""
    usual = {
        "OPENAI_BASE_URL": engines.url,
        "OPENAI_MAX_RETRIES": "1",
        "OPENAI_MAX_CONCURRENCY": str(CALLS_AT_ONCE),
        "PAUSE_HOURS": "0",
    }
    return LiveServer(data_dir, **usual | settings)
