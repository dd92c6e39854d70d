"""What the tests share: real servers, a real engine server on loopback, clips made on the spot."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.core.database import Database
from app.media.ffmpeg import find_ffmpeg
from tests.bucket import Bucket
from tests.live_server import LiveServer
from tests.loopback.engines import MixedVoices
from tests.loopback.openai_server import LoopbackOpenAI
from tests.migrated import migrated_database
from tests.postgres import VARIABLE, Postgres

TESTS = Path(__file__).parent
SHARED_MEDIA = TESTS.parents[1] / "shared" / "media"
PRICES = TESTS / "loopback" / "prices.toml"
LONG = ("e2e", "durability", "test_cli.py", "engines", "render")
BURSTS = "between(mod(t,3),0.5,2)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files begin first, or one worker would still be at one of them when the others are done."""
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] not in LONG)


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """Real speech and odd files, kept beside the project."""
    if not SHARED_MEDIA.is_dir():
        pytest.skip("the shared media are not beside the checkout")
    return SHARED_MEDIA


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Migrated databases on the PostgreSQL server that TEST_DATABASE_URL names."""
    if not os.environ.get(VARIABLE):
        pytest.skip(f"{VARIABLE} names no PostgreSQL server")
    with Postgres(os.environ[VARIABLE]) as server:
        yield server


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    """An S3 server; it forgets all when the tests end."""
    with Bucket() as server:
        yield server


def shared_by_machines(postgres: Postgres, bucket: Bucket) -> dict[str, str]:
    """The settings of servers and workers that are to work together, on new data."""
    return {"DATABASE_URL": postgres.new(), "STORAGE_URL": bucket.new(), **bucket.environment}


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated database of the test's own, of either kind."""
    if request.param == "sqlite":
        path = tmp_path / "app.sqlite"
        path.write_bytes(migrated_database())
        url = f"sqlite+aiosqlite:///{path}"
    else:
        url = request.getfixturevalue("postgres").new()
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def openai_server() -> Iterator[LoopbackOpenAI]:
    with LoopbackOpenAI(speech=MixedVoices()) as server:
        yield server


@pytest.fixture(scope="session")
def shared_api(
    tmp_path_factory: pytest.TempPathFactory, openai_server: LoopbackOpenAI
) -> Iterator[LiveServer]:
    data = tmp_path_factory.mktemp("api") / "data"
    settings = {
        "OPENAI_BASE_URL": openai_server.url,
        "OPENAI_MAX_RETRIES": "1",
        "PAUSE_HOURS": "0",
        "PRICES_FILE": str(PRICES),
    }
    with LiveServer(data, **settings) as server:
        yield server


@pytest.fixture
def api(shared_api: LiveServer, openai_server: LoopbackOpenAI) -> Iterator[LiveServer]:
    """A running server whose engines are the loopback server's; no fault is planned, and none is left."""
    openai_server.forget()
    yield shared_api
    openai_server.forget()


@pytest.fixture(scope="module")
def local_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running server on the built-in engines, as without any setting.

    It ends with the module: a server that idles to the end of the run costs more than another start.
    """
    with LiveServer(tmp_path_factory.mktemp("local") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine seconds of moving picture, 320 × 180 at 25 frames a second, with three bursts of sound."""
    path = tmp_path_factory.mktemp("clip") / "three bursts.mp4"
    make_clip(path, seconds=9)
    return path


def make_clip(path: Path, seconds: float, *, size: str = "320x180", rate: int = 25) -> None:
    picture = f"testsrc2=size={size}:rate={rate}:duration={seconds}"
    sound = f"sine=frequency=220:duration={seconds},volume='{BURSTS}':eval=frame"
    command = [str(find_ffmpeg(None)), "-v", "error", "-y", "-f", "lavfi", "-i", picture]
    command += ["-f", "lavfi", "-i", sound, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    subprocess.run([*command, "-c:a", "aac", str(path)], check=True)
