"""An object store that is out of reach: clients are told so, jobs wait for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bucket import Bucket
from tests.durability.conftest import served
from tests.durability.stages import SPEECH
from tests.live_server import LiveServer
from tests.loopback.openai_server import LoopbackOpenAI


@pytest.fixture
def mortal_bucket() -> Iterator[Bucket]:
    with Bucket() as bucket:
        yield bucket


@pytest.fixture
def server(tmp_path: Path, engines: LoopbackOpenAI, mortal_bucket: Bucket) -> Iterator[LiveServer]:
    settings = {"STORAGE_URL": mortal_bucket.new(), "PAUSE_SECONDS": "0.5", "PAUSE_HOURS": "1"}
    with served(tmp_path / "data", engines, **settings, **mortal_bucket.environment) as server:
        yield server


def test_a_store_out_of_reach_is_waited_for(
    server: LiveServer, mortal_bucket: Bucket, half_minute: Path, clip: Path
) -> None:
    video_id = SPEECH.prepare(server, half_minute, "bucket")
    unwanted = server.upload(clip)
    mortal_bucket.stop()
    task_id = SPEECH.begin(server, video_id)
    with clip.open("rb") as file:
        refusals = [
            server.http.post("/api/videos/upload", files={"video": ("clip.mp4", file)}),
            server.http.get(f"/api/videos/{video_id}/file"),
        ]
    for answer in refusals:
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unreachable"), answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert "STORAGE_URL" in answer.json()["next"]
    assert server.http.delete(f"/api/videos/{unwanted}").is_success
    ready = server.http.get("/readyz")
    assert ready.status_code == 503
    assert {"name": "storage", "healthy": False} in ready.json()["checks"]
    task = server.waited_for(task_id, lambda task: "not_before" in task)
    assert task["status"] == "queued"
    assert "object store" in task["message"]
    assert f"until {task['not_before'][11:16]} UTC" in task["message"]
    mortal_bucket.start()
    result = server.finished(task_id)["result"]
    assert (result["partial"], result["segments_count"]) == (False, 12)
    assert server.http.get("/readyz").is_success
    assert "Traceback" not in server.log()
