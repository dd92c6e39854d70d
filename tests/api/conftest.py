"""What the tests of the HTTP API share."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.api.walk import Walk
from tests.bucket import Bucket
from tests.conftest import PRICES, make_clip, shared_by_machines
from tests.live_server import LiveServer
from tests.loopback.openai_server import LoopbackOpenAI
from tests.postgres import Postgres

CUES = """WEBVTT

00:00.500 --> 00:02.000
{0}

00:02.500 --> 00:04.000
{1}
"""
LINES = ("One small step.", "And a giant leap.")


def stored_files(api: LiveServer, about: str = "") -> set[Path]:
    """The files of all objects, or of those `about` a video."""
    objects = api.data_dir / "objects"
    return {path for path in objects.rglob("*") if path.is_file() and about in path.as_posix()}


@pytest.fixture(scope="session")
def walk(shared_api: LiveServer, clip: Path) -> Walk:
    """A dubbed video with every answer on the way there. It is shared: tests only read it."""
    return Walk.take(shared_api, clip)


@pytest.fixture(scope="module")
def walk_alone(
    tmp_path_factory: pytest.TempPathFactory, openai_server: LoopbackOpenAI, clip: Path
) -> Iterator[Walk]:
    """The same way on a server where nobody went before, so that every step of it costs something."""
    data = tmp_path_factory.mktemp("alone") / "data"
    with LiveServer(data, OPENAI_BASE_URL=openai_server.url, PRICES_FILE=str(PRICES)) as server:
        yield Walk.take(server, clip)


@pytest.fixture(scope="module")
def walk_on_postgres(
    tmp_path_factory: pytest.TempPathFactory,
    openai_server: LoopbackOpenAI,
    postgres: Postgres,
    bucket: Bucket,
    clip: Path,
) -> Iterator[Walk]:
    """The same way on a server whose rows are in PostgreSQL and whose objects are in a bucket."""
    data = tmp_path_factory.mktemp("postgres") / "data"
    settings = shared_by_machines(postgres, bucket)
    with LiveServer(data, OPENAI_BASE_URL=openai_server.url, PRICES_FILE=str(PRICES), **settings) as server:
        yield Walk.take(server, clip)


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds, 160 × 90."""
    path = tmp_path_factory.mktemp("short") / "short.mp4"
    make_clip(path, seconds=5, size="160x90")
    return path


@pytest.fixture
def video(api: LiveServer, short_clip: Path) -> str:
    """The id of a new video that is the test's own."""
    return api.upload(short_clip)


def bring_track(
    api: LiveServer,
    video_id: str,
    track: str,
    content: str = CUES.format(*LINES),
    media_type: str = "text/vtt",
) -> None:
    """Gives a video a track from a file: `track` is `original` (in Korean) or `translations/en`."""
    api.http.put(
        f"/api/videos/{video_id}/subtitles/{track}",
        params={"language": "ko"} if track == "original" else None,
        content=content.encode(),
        headers={"Content-Type": media_type},
    ).raise_for_status()


@pytest.fixture
def bring(api: LiveServer) -> Callable[..., None]:
    """`bring_track` for the running server."""
    return partial(bring_track, api)


@pytest.fixture
def own_lines(video: str, bring: Callable[..., None]) -> Callable[[str], tuple[str, str]]:
    """Gives the test's own video a track with lines that no other test uses, so that no engine has met
    them before: 0.5 to 2 s and 2.5 to 4 s. Returns their texts, which are as long as `LINES`."""

    def put(track: str) -> tuple[str, str]:
        lines = (f"One {video[-5:]} step.", f"And a {video[-5:]} leap.")
        bring(video, track, CUES.format(*lines))
        return lines

    return put


@pytest.fixture(scope="module")
def strict_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that was told to use OpenAI but given no key, takes 1 MB at most, speaks English and answers
    to a front end at https://dub.example."""
    engines = dict.fromkeys(("TRANSCRIPTION_ENGINE", "TRANSLATION_ENGINE", "SPEECH_ENGINE"), "openai")
    data = tmp_path_factory.mktemp("strict") / "data"
    settings = engines | {
        "MAX_UPLOAD_BYTES": "1000000",
        "DEFAULT_LOCALE": "en",
        "CORS_ORIGINS": "https://dub.example",
    }
    with LiveServer(data, **settings) as server:
        yield server
