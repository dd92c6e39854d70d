"""What the server takes: memory at rest and under a huge upload, and the work it has to do to be ready."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.storage.encryption.layout import Layout
from app.storage.encryption.object_keys import HEADER_BYTES
from tests.durability.conftest import HUGE_BYTES
from tests.durability.processes import cpu_seconds, files, memory_mb
from tests.live_server import DIRECTLY, LiveServer

MOST_IDLE_MB = 170
MOST_UPLOADING_MB = 200
READY_CPU_SECONDS = 6.0  # 1.3 on two idle cores, up to three times as many on busy ones


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[LiveServer]:
    """A server of its own, not yet started: what another test made it load would count here."""
    server = LiveServer(tmp_path / "data", launcher=DIRECTLY)
    with closing(server.http):
        yield server
        server.stop()


def test_is_ready_soon_and_small_at_rest(fresh: LiveServer) -> None:
    fresh.start()
    print(f"ready after {cpu_seconds(fresh.pid):.1f} s of work")
    assert cpu_seconds(fresh.pid) < READY_CPU_SECONDS
    assert memory_mb(fresh.pid, "VmRSS") < MOST_IDLE_MB


def test_a_huge_upload_goes_to_the_disk_once_and_never_to_memory(fresh: LiveServer, huge: Path) -> None:
    fresh.start()
    begun = time.monotonic()
    video_id = fresh.upload(huge)
    peak = memory_mb(fresh.pid, "VmHWM")
    print(f"{HUGE_BYTES >> 20} MiB in {time.monotonic() - begun:.1f} s, at most {peak:.0f} MB resident")
    assert peak < MOST_UPLOADING_MB
    objects = fresh.data_dir / "objects" / "videos"
    sizes = [(objects / path).stat().st_size for path in files(objects)]
    assert sizes == [Layout(HUGE_BYTES, HEADER_BYTES).stored]
    assert not files(fresh.data_dir / "scratch")
    assert fresh.http.get(f"/api/videos/{video_id}").json()["file_size"] == HUGE_BYTES
    fresh.http.delete(f"/api/videos/{video_id}").raise_for_status()
    assert not files(objects)
