"""What is stored for the videos of a project counts, byte by byte, and no task stores more than there is room
for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.projects.models import HOME
from tests.api.conftest import bring_track, stored_files
from tests.api.walk import DUB, Walk
from tests.conftest import PRICES
from tests.live_server import Json, LiveServer
from tests.loopback.openai_server import LoopbackOpenAI

QUOTAS = f"/api/projects/{HOME}/quotas"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, openai_server: LoopbackOpenAI) -> Iterator[LiveServer]:
    """Whose files are as large as what is in them."""
    data = tmp_path_factory.mktemp("stored") / "data"
    settings = {"OPENAI_BASE_URL": openai_server.url, "PRICES_FILE": str(PRICES), "ENCRYPTION": "off"}
    with LiveServer(data, **settings) as server:
        yield server


@pytest.fixture(autouse=True)
def empty(server: LiveServer) -> Iterator[None]:
    """Before and after each test."""
    yield
    server.http.put(QUOTAS, json={}).raise_for_status()
    for video in server.http.get("/api/videos").json()["videos"]:
        server.http.delete(f"/api/videos/{video['video_id']}").raise_for_status()


def used(server: LiveServer) -> int:
    """As the quota tells."""
    server.http.put(QUOTAS, json={"most_bytes": 0}).raise_for_status()
    answer: Json = server.http.post("/api/videos/upload").json()
    server.http.put(QUOTAS, json={}).raise_for_status()
    told, _, _ = answer["detail"].removeprefix("most_bytes: the project has ").partition(" ")
    return int(told)


def is_counted(server: LiveServer) -> None:
    def as_large() -> bool:
        return used(server) == sum(path.stat().st_size for path in stored_files(server, "/videos/"))

    server.wait(as_large, 10)
    assert used(server) > 0


def test_everything_that_is_made_from_a_video_counts(server: LiveServer, clip: Path) -> None:
    walk = Walk.take(server, clip)
    is_counted(server)
    asked_for = ("/thumbnail", "/preview", "/audio?language=en", "/tts/en/segments/0/audio")
    for path in asked_for * 2:
        walk.get(path, path)
    is_counted(server)
    server.http.post(walk.path("/tts/en"), json={"segment_ids": [0]}).raise_for_status()
    is_counted(server)
    walk.run("again", "/generate-dubbed-video", DUB | {"output_format": "webm"})
    is_counted(server)
    server.http.delete(walk.path()).raise_for_status()
    assert used(server) == 0


def test_a_dub_that_has_no_room_is_not_kept(server: LiveServer, clip: Path) -> None:
    video = server.upload(clip)
    bring_track(server, video, "translations/en")
    server.run(f"/api/videos/{video}/generate-tts", {"language": "en"})
    server.http.put(QUOTAS, json={"most_bytes": clip.stat().st_size + 1}).raise_for_status()
    task = server.run(f"/api/videos/{video}/generate-dubbed-video", DUB)
    assert (task["status"], task["error"]["code"]) == ("failed", "quota_reached")
    assert server.http.get(f"/api/videos/{video}/dubbed-videos/en").json()["code"] == "dub_not_ready"
    server.wait(lambda: len(stored_files(server, f"/videos/{video}/")) == 1, 10)
    server.http.put(QUOTAS, json={}).raise_for_status()
    server.http.post(f"/api/tasks/{task['task_id']}/retry").raise_for_status()
    assert server.finished(task["task_id"])["status"] == "completed"


def test_a_dub_takes_the_room_of_the_one_before(server: LiveServer, clip: Path) -> None:
    walk = Walk.take(server, clip)
    server.http.put(QUOTAS, json={"most_bytes": used(server) + 1}).raise_for_status()
    smaller = DUB | {"options": {"output_quality": "low", "subtitle_mode": "burned"}}
    walk.run("smaller", "/generate-dubbed-video", smaller)
    assert walk.json("smaller task")["status"] == "completed"


def test_a_cut_that_has_no_room_is_not_kept(server: LiveServer, clip: Path) -> None:
    video = server.upload(clip)
    server.http.put(QUOTAS, json={"most_bytes": clip.stat().st_size + 1}).raise_for_status()
    body = {"start_time": 0, "end_time": 3}
    cut = server.http.post(f"/api/videos/{video}/trim", json=body).raise_for_status().json()
    assert server.finished(cut["task_id"])["error"]["code"] == "quota_reached"
    shown = server.http.get(f"/api/videos/{cut['trimmed_video_id']}").json()
    assert shown["status"] == "failed"
