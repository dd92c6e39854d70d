"""Tasks over HTTP: starting twice, following, cancelling and retrying."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.api.walk import Walk
from tests.live_server import FINAL, Json, LiveServer
from tests.loopback.faults import BAD_KEY, INSUFFICIENT_QUOTA, Delay
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

FOREVER = Delay(60.0)


@pytest.fixture
def subtitled(video: str, own_lines: Callable[[str], tuple[str, str]]) -> str:
    """A video with subtitles that no engine has met before."""
    own_lines("original")
    return video


@pytest.fixture
def hanging(api: LiveServer, openai_server: LoopbackOpenAI, subtitled: str) -> Iterator[Json]:
    """The translation of a video that goes on for as long as the test does."""
    openai_server.fail(Endpoint.CHAT, FOREVER, times=4)
    body = {"target_language": "es"}
    started = api.http.post(f"/api/videos/{subtitled}/translate-subtitles", json=body).json()
    yield api.waited_for(started["task_id"], lambda task: task["status"] == "processing")
    api.http.post(f"/api/tasks/{started['task_id']}/cancel")


def events_of(api: LiveServer, task_id: str) -> list[Json]:
    """Every event until the server ends the stream."""
    with api.http.stream("GET", f"/api/tasks/{task_id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        return list(_events(stream))


def _events(stream: httpx.Response) -> Iterator[Json]:
    name = ""
    for line in stream.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            assert name == "task"
            yield json.loads(line.removeprefix("data: "))


class TestStarting:
    def test_asking_again_for_the_same_gives_the_running_task(self, api: LiveServer, hanging: Json) -> None:
        path = f"/api/videos/{hanging['video_id']}/translate-subtitles"
        again = api.http.post(path, json={"target_language": "ES", "model": "gpt-4"})
        assert again.status_code == 202
        assert again.json()["task_id"] == hanging["task_id"]
        assert again.json()["status"] == "processing"
        assert again.headers["location"] == f"/api/tasks/{hanging['task_id']}"
        assert len(api.http.get(f"/api/videos/{hanging['video_id']}/jobs").json()["jobs"]) == 1

    def test_asking_for_something_else_starts_another(
        self, api: LiveServer, openai_server: LoopbackOpenAI, hanging: Json
    ) -> None:
        openai_server.forget()
        path = f"/api/videos/{hanging['video_id']}/translate-subtitles"
        other = api.http.post(path, json={"target_language": "de"}).json()
        assert other["task_id"] != hanging["task_id"]
        api.finished(other["task_id"])

    def test_asking_again_after_the_end_starts_anew(self, api: LiveServer, subtitled: str) -> None:
        path = f"/api/videos/{subtitled}/translate-subtitles"
        first, second = (api.run(path, {"target_language": "it"}) for _ in range(2))
        assert first["task_id"] != second["task_id"]

    def test_many_at_once_start_one(
        self, api: LiveServer, openai_server: LoopbackOpenAI, subtitled: str
    ) -> None:
        openai_server.fail(Endpoint.CHAT, FOREVER, times=4)
        path = f"/api/videos/{subtitled}/translate-subtitles"
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: api.http.post(path, json={"target_language": "es"}), range(6)))
        assert {answer.status_code for answer in answers} == {202}
        (task_id,) = {answer.json()["task_id"] for answer in answers}
        api.http.post(f"/api/tasks/{task_id}/cancel").raise_for_status()

    def test_the_estimate_follows_what_was_measured(self, api: LiveServer, walk: Walk) -> None:
        """Extractions of the tests take far less than a minute for a short clip."""
        body = api.http.post(walk.path("/extract-subtitles"), json={"temperature": 0.5}).json()
        assert 1 <= body["estimated_time"] < 60
        api.finished(body["task_id"])


class TestFollowing:
    def test_a_running_task(self, hanging: Json) -> None:
        assert hanging["status"] == "processing"
        assert hanging["completed_at"] is None
        assert "result" not in hanging
        assert "error" not in hanging
        assert 0 <= hanging["progress"] < 100

    def test_the_events_lead_to_the_end(self, api: LiveServer, clip: Path) -> None:
        video = api.upload(clip)
        started = api.http.post(f"/api/videos/{video}/extract-subtitles").json()
        events = events_of(api, started["task_id"])
        assert events[-1] == api.http.get(f"/api/tasks/{started['task_id']}").json()
        assert events[-1]["status"] == "completed"
        assert [event["status"] in FINAL for event in events[:-1]] == [False] * (len(events) - 1)
        progress = [event["progress"] for event in events]
        assert progress == sorted(progress)
        moments = [event["updated_at"] for event in events]
        assert moments == sorted(set(moments))

    def test_the_events_of_a_task_that_has_ended(self, api: LiveServer, walk: Walk) -> None:
        task = walk.json("dub task")
        assert events_of(api, task["task_id"]) == [task]

    def test_the_events_of_a_task_that_is_cancelled(self, api: LiveServer, hanging: Json) -> None:
        with api.http.stream("GET", f"/api/tasks/{hanging['task_id']}/events") as stream:
            events = _events(stream)
            assert next(events)["status"] == "processing"
            api.http.post(f"/api/tasks/{hanging['task_id']}/cancel").raise_for_status()
            assert list(events)[-1]["status"] == "cancelled"

    def test_the_message_is_in_the_reader_s_language(self, api: LiveServer, walk: Walk) -> None:
        task_id = walk.json("dub task")["task_id"]
        for language, message in (("ko-KR,ko;q=0.9", "완료되었습니다"), ("en-GB", "Done")):
            answer = api.http.get(f"/api/tasks/{task_id}", headers={"Accept-Language": language})
            assert answer.json()["message"] == message


class TestCancelling:
    def test_a_running_task(self, api: LiveServer, hanging: Json) -> None:
        answer = api.http.post(f"/api/tasks/{hanging['task_id']}/cancel")
        assert answer.status_code == 200
        task = answer.json()
        assert (task["task_id"], task["status"]) == (hanging["task_id"], "cancelled")
        assert task["completed_at"] is not None
        assert api.http.get(f"/api/tasks/{task['task_id']}").json() == task

    def test_a_task_that_has_ended(self, api: LiveServer, walk: Walk) -> None:
        answer = api.http.post(f"/api/tasks/{walk.json('dub task')['task_id']}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (409, "task_not_active")
        assert "completed" in answer.json()["detail"]


class TestRetrying:
    def test_a_cancelled_task_goes_on(
        self, api: LiveServer, openai_server: LoopbackOpenAI, hanging: Json
    ) -> None:
        api.http.post(f"/api/tasks/{hanging['task_id']}/cancel").raise_for_status()
        openai_server.forget()
        answer = api.http.post(f"/api/tasks/{hanging['task_id']}/retry")
        assert answer.status_code == 202
        assert answer.headers["location"] == f"/api/tasks/{hanging['task_id']}"
        assert answer.json()["status"] in ("queued", "processing")
        assert api.finished(hanging["task_id"])["status"] == "completed"

    def test_a_failed_task_succeeds_once_the_cause_is_gone(
        self, api: LiveServer, openai_server: LoopbackOpenAI, subtitled: str
    ) -> None:
        openai_server.fail(Endpoint.CHAT, INSUFFICIENT_QUOTA, times=4)
        failed = api.run(f"/api/videos/{subtitled}/translate-subtitles", {"target_language": "pt"})
        assert failed["status"] == "failed"
        assert failed["error"]["code"] == "engine_quota"
        assert set(failed["error"]) == {"code", "message", "next"}
        assert "quota" in failed["error"]["message"]
        assert "result" not in failed
        assert failed["completed_at"] is not None
        openai_server.forget()
        api.http.post(f"/api/tasks/{failed['task_id']}/retry").raise_for_status()
        again = api.finished(failed["task_id"])
        assert again["status"] == "completed"
        assert "error" not in again
        assert again["created_at"] == failed["created_at"]

    def test_the_error_is_in_the_reader_s_language(
        self, api: LiveServer, openai_server: LoopbackOpenAI, subtitled: str
    ) -> None:
        openai_server.fail(Endpoint.CHAT, BAD_KEY, times=4)
        failed = api.run(f"/api/videos/{subtitled}/translate-subtitles", {"target_language": "pt"})
        korean = api.http.get(f"/api/tasks/{failed['task_id']}", headers={"Accept-Language": "ko"}).json()
        assert failed["error"]["code"] == korean["error"]["code"] == "engine_authentication"
        assert "OPENAI_API_KEY" in failed["error"]["next"]
        assert "거부되었습니다" in korean["error"]["message"]
        assert korean["message"] == "실패했습니다"

    def test_a_task_that_succeeded(self, api: LiveServer, walk: Walk) -> None:
        answer = api.http.post(f"/api/tasks/{walk.json('dub task')['task_id']}/retry")
        assert (answer.status_code, answer.json()["code"]) == (409, "task_not_retryable")

    def test_a_task_that_is_running(self, api: LiveServer, hanging: Json) -> None:
        answer = api.http.post(f"/api/tasks/{hanging['task_id']}/retry")
        assert (answer.status_code, answer.json()["code"]) == (409, "task_not_retryable")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/retry")]
)
def test_a_task_that_is_not_there(api: LiveServer, method: str, path: str) -> None:
    answer = api.http.request(method, f"/api/tasks/task_of_nobody{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "task_not_found")
    assert "task_of_nobody" in answer.json()["detail"]


def test_the_jobs_of_a_video_that_is_not_there(api: LiveServer) -> None:
    answer = api.http.get("/api/videos/vid_of_nobody/jobs")
    assert (answer.status_code, answer.json()["code"]) == (404, "video_not_found")
