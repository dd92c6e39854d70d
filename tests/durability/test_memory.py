"""What the server takes: memory at rest and under a huge upload, and the time it needs to be ready."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.durability.conftest import GIB
from tests.durability.processes import files, memory_mb
from tests.live_server import LiveServer

MOST_IDLE_MB = 150
MOST_UPLOADING_MB = 200
READY_SECONDS = 5.0  # it takes 1.3 s on two idle cores


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[LiveServer]:
    """A server of its own, not yet started: what another test made it load would count here."""
    server = LiveServer(tmp_path / "data")
    with closing(server.http):
        yield server
        server.stop()


def test_is_ready_soon_and_small_at_rest(fresh: LiveServer) -> None:
    begun = time.monotonic()
    fresh.start()
    print(f"ready after {time.monotonic() - begun:.1f} s")
    assert time.monotonic() - begun < READY_SECONDS
    assert memory_mb(fresh.pid, "VmRSS") < MOST_IDLE_MB


def test_a_huge_upload_goes_to_the_disk_once_and_never_to_memory(fresh: LiveServer, huge: Path) -> None:
    fresh.start()
    begun = time.monotonic()
    video_id = fresh.upload(huge)
    peak = memory_mb(fresh.pid, "VmHWM")
    print(f"1 GiB in {time.monotonic() - begun:.1f} s, at most {peak:.0f} MB resident")
    assert peak < MOST_UPLOADING_MB
    objects = fresh.data_dir / "objects"
    assert [(objects / path).stat().st_size for path in files(objects)] == [GIB]
    assert not files(fresh.data_dir / "scratch")
    assert fresh.http.get(f"/api/videos/{video_id}").json()["file_size"] == GIB
    fresh.http.delete(f"/api/videos/{video_id}").raise_for_status()
    assert not files(objects)
