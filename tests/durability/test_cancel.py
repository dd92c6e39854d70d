"""Cancelling: at once, without a trace, and without losing what was finished."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.durability.conftest import CALLS_AT_ONCE
from tests.durability.processes import ffmpegs, files
from tests.durability.stages import (
    RENDER,
    RENDER_BODY,
    SPEECH,
    TRANSLATION,
    begin_render,
    subtitled_video,
    translated_video,
    voiced_video,
)
from tests.live_server import Json, LiveServer
from tests.loopback.faults import Delay
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

PROMPTLY = 2.0


def cancel(server: LiveServer, task_id: str) -> Json:
    answer = server.http.post(f"/api/tasks/{task_id}/cancel").raise_for_status()
    task: Json = answer.json()
    return task


def retry(server: LiveServer, task_id: str) -> Json:
    answer = server.http.post(f"/api/tasks/{task_id}/retry").raise_for_status()
    task: Json = answer.json()
    return task


def stored(server: LiveServer, video_id: str) -> list[Path]:
    return files(server.data_dir / "objects" / "videos" / video_id)


def test_a_render_ends_with_its_ffmpeg_and_leaves_nothing(server: LiveServer, large_clip: Path) -> None:
    video_id = voiced_video(server, large_clip, "cancelled render")
    before = stored(server, video_id)
    task_id = begin_render(server, video_id)
    assert ffmpegs(server.data_dir)

    assert cancel(server, task_id)["status"] == "cancelled"
    server.wait(lambda: not ffmpegs(server.data_dir), PROMPTLY)
    server.wait(lambda: not files(server.data_dir / "scratch"), PROMPTLY)
    assert stored(server, video_id) == before
    assert server.http.get(f"/api/videos/{video_id}/dubbed-videos/es").status_code == 409


def test_open_requests_are_closed(server: LiveServer, engines: LoopbackOpenAI, half_minute: Path) -> None:
    video_id = translated_video(server, half_minute, "cancelled requests")
    engines.fail(Endpoint.SPEECH, Delay(60), times=100)
    task_id = SPEECH.begin(server, video_id)
    server.wait(lambda: engines.at_once == CALLS_AT_ONCE)

    assert cancel(server, task_id)["status"] == "cancelled"
    server.wait(lambda: engines.at_once == 0, PROMPTLY)
    assert len(SPEECH.requests(engines)) == CALLS_AT_ONCE
    assert stored(server, video_id) == [Path("upload")]


def test_a_retry_asks_only_for_what_was_not_finished(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = translated_video(server, half_minute, "retried")
    engines.fail(Endpoint.SPEECH, Delay(0.2), times=100)
    task_id = SPEECH.begin(server, video_id)
    server.wait(lambda: len(SPEECH.requests(engines)) > 2 * CALLS_AT_ONCE)
    cancel(server, task_id)
    engines.recover()

    assert retry(server, task_id)["task_id"] == task_id
    assert server.finished(task_id)["status"] == "completed"
    units = len(SPEECH.outcome(server, video_id))
    assert len(SPEECH.requests(engines)) <= units + CALLS_AT_ONCE


def test_a_queued_task_never_begins(server: LiveServer, large_clip: Path) -> None:
    video_id = voiced_video(server, large_clip, "queued")
    running = begin_render(server, video_id)
    body = RENDER_BODY | {"output_format": "mov"}
    answer = server.http.post(f"/api/videos/{video_id}/{RENDER}", json=body).raise_for_status()
    waiting = answer.json()["task_id"]
    assert server.task(waiting)["status"] == "queued"

    assert cancel(server, waiting)["status"] == "cancelled"
    cancel(server, running)
    assert retry(server, waiting)["status"] == "queued"
    server.waited_for(waiting, lambda task: task["status"] == "processing", 5)
    cancel(server, waiting)
    server.wait(lambda: not ffmpegs(server.data_dir), PROMPTLY)


def test_cancel_and_retry_in_quick_succession(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    """Whatever the order they arrive in, the last word stands and the task is not lost."""
    video_id = translated_video(server, half_minute, "hasty")
    engines.fail(Endpoint.SPEECH, Delay(0.05), times=1000)
    task_id = SPEECH.begin(server, video_id)
    with ThreadPoolExecutor(2) as threads:
        for _ in range(5):
            both = [threads.submit(server.http.post, f"/api/tasks/{task_id}/{verb}") for verb in VERBS]
            assert {answer.result().status_code for answer in both} <= {200, 202, 409}
    if server.task(task_id)["status"] == "cancelled":
        retry(server, task_id)
    engines.recover()
    assert server.finished(task_id)["status"] == "completed"
    assert len(SPEECH.outcome(server, video_id)) == 12


VERBS = ("cancel", "retry")


def test_a_video_is_deleted_while_it_renders(server: LiveServer, large_clip: Path) -> None:
    video_id = voiced_video(server, large_clip, "deleted")
    task_id = begin_render(server, video_id)
    assert server.http.delete(f"/api/videos/{video_id}").status_code == 204
    server.wait(lambda: not ffmpegs(server.data_dir), PROMPTLY)
    assert not stored(server, video_id)
    assert server.http.get(f"/api/tasks/{task_id}").status_code == 404
    server.wait(lambda: not files(server.data_dir / "scratch"), PROMPTLY)


def test_a_video_is_deleted_while_its_preview_is_made(server: LiveServer, large_clip: Path) -> None:
    video_id = server.upload(large_clip)
    with ThreadPoolExecutor(1) as threads:
        preview = threads.submit(httpx.get, f"{server.url}/api/videos/{video_id}/preview", timeout=60)
        server.wait(lambda: bool(ffmpegs(server.data_dir)))
        server.http.delete(f"/api/videos/{video_id}").raise_for_status()
        assert preview.result().status_code == 404
    assert not stored(server, video_id)


def test_a_watcher_is_told_of_the_end_and_of_a_deletion(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = translated_video(server, half_minute, "watched")
    engines.fail(Endpoint.SPEECH, Delay(60), times=100)
    task_id = SPEECH.begin(server, video_id)
    with server.http.stream("GET", f"/api/tasks/{task_id}/events") as events:
        lines = events.iter_lines()
        assert next(line for line in lines if line.startswith("data:"))
        httpx.delete(f"{server.url}/api/videos/{video_id}", timeout=10).raise_for_status()
        list(lines)  # ends, and not by an error


def test_an_upload_broken_off_by_the_client_leaves_nothing_and_alarms_nobody(
    server: LiveServer, half_minute: Path
) -> None:
    before = files(server.data_dir)
    head = (
        "POST /api/videos/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + half_minute.read_bytes() + bytes(16 << 20))
        server.wait(lambda: files(server.data_dir) != before)
    server.wait(lambda: files(server.data_dir) == before, 5)
    assert "CRITICAL" not in server.log()


def test_a_cancelled_cut_can_be_made_after_all(server: LiveServer, large_clip: Path) -> None:
    video_id = server.upload(large_clip)
    body = {"start_time": 1.0, "end_time": 8.0}
    trimmed = server.http.post(f"/api/videos/{video_id}/trim", json=body).raise_for_status().json()
    server.wait(lambda: bool(ffmpegs(server.data_dir)))
    cancel(server, trimmed["task_id"])
    server.wait(lambda: not ffmpegs(server.data_dir), PROMPTLY)
    assert not stored(server, trimmed["trimmed_video_id"])
    retry(server, trimmed["task_id"])
    assert server.finished(trimmed["task_id"])["status"] == "completed"
    assert len(stored(server, trimmed["trimmed_video_id"])) == 1


def test_two_who_ask_for_the_same_share_a_task(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = subtitled_video(server, half_minute, "shared")
    engines.fail(Endpoint.CHAT, Delay(0.3), times=100)
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(TRANSLATION.begin, server, video_id) for _ in range(8)]
        tasks = {begun.result() for begun in asked}
    assert len(tasks) == 1
    engines.recover()
    assert server.finished(tasks.pop())["status"] == "completed"


def test_two_tasks_for_one_track_leave_one_whole_track(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    """Different voices for one language at the same time: one of them wins, with all of its lines."""
    video_id = translated_video(server, half_minute, "rivals")
    engines.fail(Endpoint.SPEECH, Delay(0.05), times=24)
    bodies = [SPEECH.body | {"voice_id": voice} for voice in ("alloy", "nova")]
    path = f"/api/videos/{video_id}/{SPEECH.start}"
    tasks = [server.http.post(path, json=body).raise_for_status().json()["task_id"] for body in bodies]
    assert [server.finished(task)["status"] for task in tasks] == ["completed", "completed"]
    speech = server.http.get(f"/api/videos/{video_id}/{SPEECH.result}").json()
    for segment in speech["segments"]:
        assert httpx.get(segment["url"], timeout=10).status_code == 200
    assert len({segment["voice_id"] for segment in speech["segments"]}) == 1
    assert {path.parts[0] for path in stored(server, video_id)} == {"upload"}
