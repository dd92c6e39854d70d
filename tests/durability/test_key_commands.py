"""`python -m app encryption …` on the data of a server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.storage.encryption.root_keys import new_key
from tests.live_server import ROOT, LiveServer

TITLE = "A title that nobody may read"


def command(action: str, data: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATA_DIR": str(data), **settings}
    return subprocess.run(
        [sys.executable, "-m", "app", "encryption", action],
        cwd=data.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def shown(server: LiveServer, video_id: str) -> tuple[str, bytes]:
    """The video's title and its file."""
    video = server.http.get(f"/api/videos/{video_id}").raise_for_status().json()
    return video["title"], server.http.get(f"/api/videos/{video_id}/file").raise_for_status().content


def resting(data: Path) -> bytes:
    """All that a thief of the disk would have."""
    return b"".join(path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file())


def test_a_new_key_can_be_printed(tmp_path: Path) -> None:
    first, second = (command("key", tmp_path / "data").stdout.strip() for _ in range(2))
    assert first != second
    assert len(first) == len(new_key())


def test_what_was_readable_is_sealed_by_a_command(tmp_path: Path, clip: Path) -> None:
    data = tmp_path / "data"
    with LiveServer(data, ENCRYPTION="off") as server:
        video_id = server.upload(clip, title=TITLE)
        assert server.stop() == 0
    assert clip.read_bytes() in resting(data)
    outcome = command("apply", data)
    assert outcome.returncode == 0, outcome.stderr
    assert "Sealed 1 objects" in outcome.stdout
    assert command("apply", data).stdout == "Sealed 0 objects and 0 rows.\n"
    assert clip.read_bytes()[:1000] not in resting(data)
    assert TITLE.encode() not in resting(data)
    with LiveServer(data) as server:
        assert shown(server, video_id) == (TITLE, clip.read_bytes())


def test_a_running_server_does_not_notice_a_rotation(tmp_path: Path, clip: Path) -> None:
    data = tmp_path / "data"
    with LiveServer(data) as server:
        video_id = server.upload(clip, title=TITLE)
        key = (data / "keys" / "root.key").read_text()
        assert command("new-data-key", data).returncode == 0
        assert command("rotate", data).returncode == 0
        assert (data / "keys" / "root.key").read_text() != key
        assert shown(server, video_id) == (TITLE, clip.read_bytes())
        server.kill()
        server.start()
        assert shown(server, video_id) == (TITLE, clip.read_bytes())


@pytest.mark.parametrize("name", ["ENCRYPTION_KEY", "ENCRYPTION_KEY_FILE"])
def test_the_key_can_move_to_the_operator(name: str, tmp_path: Path, clip: Path) -> None:
    data, key = tmp_path / "data", new_key()
    file = tmp_path / "key"
    file.write_text(key)
    setting = {name: key if name == "ENCRYPTION_KEY" else str(file)}
    with LiveServer(data) as server:
        video_id = server.upload(clip, title=TITLE)
    assert command("rotate", data, **setting).returncode == 0
    (data / "keys" / "root.key").unlink()
    with LiveServer(data, **setting) as server:
        assert shown(server, video_id) == (TITLE, clip.read_bytes())


def test_a_rotation_without_the_key_is_refused_in_a_line(tmp_path: Path) -> None:
    outcome = command("rotate", tmp_path / "data")
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("ENCRYPTION_KEY: there is no root key yet")
    assert len(outcome.stderr.splitlines()) == 1


def test_rows_from_before_are_sealed_with_the_first_key(tmp_path: Path) -> None:
    data, url = tmp_path / "data", "http://127.0.0.1:9/a-path-that-nobody-may-read"
    private = {"WEBHOOK_PRIVATE_ADDRESSES": "true"}
    with LiveServer(data, ENCRYPTION="off", **private) as server:
        server.http.post("/api/webhooks", json={"url": url}).raise_for_status()
        assert server.stop() == 0
    assert url.encode() in resting(data)
    with LiveServer(data, **private) as server:
        assert [hook["url"] for hook in server.http.get("/api/webhooks").json()["webhooks"]] == [url]
        assert server.stop() == 0
    assert url.encode() not in resting(data)
