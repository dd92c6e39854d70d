"""Nothing blocks the event loop: the server answers while it works."""

import statistics
import time
from pathlib import Path

from tests.durability.stages import RENDER, RENDER_BODY, voiced_video
from tests.live_server import POLLING_SECONDS, LiveServer

# A machine under test is a busy one: what is looked for is a loop that stands still for seconds.
TYPICAL_SECONDS = 0.1
LONGEST_SECONDS = 1.0


def check_answers_while_working(server: LiveServer, path: str, body: object) -> None:
    task_id = server.http.post(path, json=body).raise_for_status().json()["task_id"]
    delays: list[float] = []

    def ended() -> bool:
        begun = time.monotonic()
        server.http.get("/healthz").raise_for_status()
        delays.append(time.monotonic() - begun)
        return str(server.task(task_id)["status"]) in {"completed", "failed"}

    server.wait(ended, longest_pause=POLLING_SECONDS)
    assert server.task(task_id)["status"] == "completed"
    print(f"{len(delays)} answers, median {statistics.median(delays):.3f} s, longest {max(delays):.3f} s")
    assert statistics.median(delays) < TYPICAL_SECONDS
    assert max(delays) < LONGEST_SECONDS


def test_answers_while_a_video_is_encoded(server: LiveServer, large_clip: Path) -> None:
    video_id = voiced_video(server, large_clip, "encoded")
    check_answers_while_working(server, f"/api/videos/{video_id}/{RENDER}", RENDER_BODY)


def test_answers_while_this_machine_listens(local_api: LiveServer, shared_media: Path) -> None:
    video_id = local_api.upload(shared_media / "speech" / "en_talkinghead_jordi.mp4")
    path = f"/api/videos/{video_id}/extract-subtitles"
    check_answers_while_working(local_api, path, {"language": "en"})
