"""No room left on the disk: the client is told so, and nothing half-written stays."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live_server import LiveServer

DISK_BYTES = 532 << 20  # the server calls itself ready with half a GiB free


@pytest.fixture
def cramped(tmp_path: Path) -> Iterator[LiveServer]:
    """A server whose data folder is a small disk of its own."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    launcher = ["bwrap", "--die-with-parent", "--dev-bind", "/", "/"]
    launcher += ["--size", str(DISK_BYTES), "--tmpfs", str(data_dir)]
    if shutil.which("bwrap") is None or subprocess.run([*launcher, "true"], check=False).returncode:
        pytest.skip("bubblewrap cannot mount a small disk here")
    with LiveServer(data_dir, launcher=launcher) as server:
        yield server


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in pieces"])
def test_an_upload_that_does_not_fit_is_refused_and_forgotten(
    cramped: LiveServer, huge: Path, clip: Path, announced: bool
) -> None:
    with huge.open("r+b") as file:
        file.truncate(DISK_BYTES)
        request = cramped.http.build_request(
            "POST", "/api/videos/upload", files={"video": ("huge.mp4", file)}
        )
        if not announced:
            del request.headers["Content-Length"]
            request.headers["Transfer-Encoding"] = "chunked"
        answer = cramped.http.send(request)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (507, "storage_full")
    assert problem["next"]
    assert cramped.http.get("/api/videos").json()["videos"] == []
    assert cramped.http.get("/readyz").is_success  # all of it was given back
    assert cramped.upload(clip)
    assert "Traceback" not in cramped.log()
