"""The server needs no right but to write to its data folder: so it runs in its container, and so it runs
here."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.live_server import Json, LiveServer

ROOT = Path(__file__).parents[2]
OURS = ("api", "worker-1", "worker-2")
NOBODY = "10001"


@pytest.fixture(scope="module")
def services() -> Json:
    described: Json = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services: Json = described["services"]
    return services


@pytest.mark.parametrize("name", OURS)
def test_each_of_our_containers_has_no_rights(services: Json, name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert [mount.partition(":")[2] for mount in service["volumes"]] == ["/data"]
    assert all("noexec" in mount for mount in service["tmpfs"])
    assert "privileged" not in service
    assert "user" not in service  # the image's own


def test_the_image_runs_as_nobody() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == [NOBODY]
    assert not any(line.startswith(("COPY", "RUN", "ADD")) for line in lines[lines.index(f"USER {NOBODY}") :])


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[LiveServer]:
    """A server as in its container: as nobody, without capabilities, on a file system that it can only
    read but for its data folder and an empty one for what passes."""
    data_dir, passing = tmp_path / "data", tmp_path / "passing"
    data_dir.mkdir()
    passing.mkdir()
    launcher = ["bwrap", "--die-with-parent", "--unshare-user", "--uid", NOBODY, "--gid", NOBODY]
    launcher += ["--cap-drop", "ALL", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    launcher += ["--tmpfs", str(passing), "--bind", str(data_dir), str(data_dir)]
    if shutil.which("bwrap") is None or subprocess.run([*launcher, "true"], check=False).returncode:
        pytest.skip("bubblewrap cannot take rights away here")
    with LiveServer(data_dir, launcher=launcher, HOME=str(passing), TMPDIR=str(passing)) as server:
        yield server


def test_it_works_without_any_rights(bare: LiveServer, clip: Path) -> None:
    video_id = bare.upload(clip)
    assert bare.http.get(f"/api/videos/{video_id}/thumbnail").content[:2] == b"\xff\xd8"
    assert bare.http.get(f"/api/videos/{video_id}/preview").content[4:8] == b"ftyp"
    cut = bare.http.post(f"/api/videos/{video_id}/trim", json={"start_time": 1, "end_time": 3})
    task = bare.finished(str(cut.raise_for_status().json()["task_id"]))
    assert task["status"] == "completed", task
    assert "Traceback" not in bare.log()
