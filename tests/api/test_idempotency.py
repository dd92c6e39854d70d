"""Requests that are sent again under their `Idempotency-Key`."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import stored_files
from tests.live_server import Json, LiveServer
from tests.loopback.faults import SERVER_ERROR, Delay
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

REPLAYED = "idempotent-replayed"


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def subtitled(video: str, own_lines: Callable[[str], tuple[str, str]]) -> str:
    own_lines("original")
    return video


def post(api: LiveServer, path: str, key: str, body: object = None) -> httpx.Response:
    return api.http.post(path, json=body, headers={"Idempotency-Key": key})


def upload(api: LiveServer, clip: Path, key: str, boundary: str, **fields: str) -> httpx.Response:
    headers = {"Idempotency-Key": key, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    with clip.open("rb") as file:
        files = {"video": (clip.name, file)}
        return api.http.post("/api/videos/upload", files=files, data=fields, headers=headers)


def videos(api: LiveServer) -> list[str]:
    page = api.http.get("/api/videos", params={"limit": 100}).json()
    return [video["video_id"] for video in page["videos"]]


def jobs(api: LiveServer, video_id: str) -> list[Json]:
    return list(api.http.get(f"/api/videos/{video_id}/jobs").json()["jobs"])


def assert_repeated(first: httpx.Response, again: httpx.Response) -> None:
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for header in ("content-type", "location", "etag"):
        assert again.headers.get(header) == first.headers.get(header)


class TestTasks:
    def test_a_repeated_request_starts_nothing(self, api: LiveServer, subtitled: str, key: str) -> None:
        path = f"/api/videos/{subtitled}/translate-subtitles"
        first = post(api, path, key, {"target_language": "es"})
        assert first.status_code == 202
        api.finished(first.json()["task_id"])
        again = post(api, path, key, {"target_language": "es"})
        assert_repeated(first, again)
        assert len(jobs(api, subtitled)) == 1

    def test_two_at_once_do_the_work_once(self, api: LiveServer, subtitled: str, key: str) -> None:
        path = f"/api/videos/{subtitled}/trim"
        with ThreadPoolExecutor(6) as pool:
            answers = list(
                pool.map(lambda _: post(api, path, key, {"start_time": 1, "end_time": 2}), range(6))
            )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert [REPLAYED in answer.headers for answer in answers].count(False) == 1

    def test_a_request_without_a_body(
        self, api: LiveServer, openai_server: LoopbackOpenAI, subtitled: str, key: str
    ) -> None:
        openai_server.fail(Endpoint.CHAT, Delay(60), times=4)
        started = post(api, f"/api/videos/{subtitled}/translate-subtitles", key, {"target_language": "es"})
        path = f"/api/tasks/{started.json()['task_id']}/cancel"
        first, again = (post(api, path, f"{key} cancel") for _ in range(2))
        assert first.json()["status"] == "cancelled"
        assert_repeated(first, again)

    def test_a_refusal_of_the_request_itself_is_repeated_too(
        self, api: LiveServer, video: str, key: str
    ) -> None:
        path = f"/api/videos/{video}/generate-tts"
        first, again = (post(api, path, key, {"language": "no such"}) for _ in range(2))
        assert first.status_code == 422
        assert_repeated(first, again)

    def test_one_for_how_things_stand_frees_the_key(
        self, api: LiveServer, video: str, own_lines: Callable[[str], tuple[str, str]], key: str
    ) -> None:
        path, body = f"/api/videos/{video}/generate-tts", {"language": "en"}
        first = post(api, path, key, body)
        assert (first.status_code, first.json()["code"]) == (409, "translation_not_ready")
        own_lines("translations/en")
        again = post(api, path, key, body)
        assert (again.status_code, REPLAYED in again.headers) == (202, False)
        assert_repeated(again, post(api, path, key, body))

    def test_an_answer_that_comes_after_its_transaction(
        self, api: LiveServer, video: str, own_lines: Callable[[str], tuple[str, str]], key: str
    ) -> None:
        own_lines("translations/en")
        api.completed(f"/api/videos/{video}/generate-tts", {"language": "en"})
        path = f"/api/videos/{video}/tts/en"
        first, again = (post(api, path, key, {"segment_ids": [0]}) for _ in range(2))
        assert first.status_code == 200
        assert_repeated(first, again)
        assert len(jobs(api, video)) == 2

    def test_a_failure_of_the_server_frees_the_key(
        self,
        api: LiveServer,
        openai_server: LoopbackOpenAI,
        video: str,
        own_lines: Callable[[str], tuple[str, str]],
        key: str,
    ) -> None:
        own_lines("translations/en")
        api.completed(f"/api/videos/{video}/generate-tts", {"language": "en"})
        openai_server.fail(Endpoint.SPEECH, SERVER_ERROR, times=10)
        path = f"/api/videos/{video}/tts/en"
        body = {"segment_ids": [1], "options": {"speaking_rate": 1.1}}
        assert post(api, path, key, body).status_code == 502
        openai_server.forget()
        answer = post(api, path, key, body)
        assert (answer.status_code, REPLAYED in answer.headers) == (200, False)


class TestUploads:
    def test_the_same_form_under_another_boundary(self, api: LiveServer, short_clip: Path, key: str) -> None:
        first = upload(api, short_clip, key, "first", title="One")
        before = stored_files(api, "/videos/"), videos(api)
        assert first.status_code == 201
        assert_repeated(first, upload(api, short_clip, key, "the-second-boundary", title="One"))
        assert (stored_files(api, "/videos/"), videos(api)) == before

    def test_another_form(self, api: LiveServer, short_clip: Path, key: str) -> None:
        upload(api, short_clip, key, "first", title="One").raise_for_status()
        before = stored_files(api, "/videos/"), videos(api)
        answer = upload(api, short_clip, key, "first", title="Two")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
        assert (stored_files(api, "/videos/"), videos(api)) == before

    def test_two_at_once_store_one(self, api: LiveServer, short_clip: Path, key: str) -> None:
        before = set(videos(api))
        with ThreadPoolExecutor(4) as pool:
            answers = list(
                pool.map(lambda number: upload(api, short_clip, key, f"boundary-{number}"), range(4))
            )
        assert {answer.status_code for answer in answers} == {201}
        (video_id,) = {answer.json()["video_id"] for answer in answers}
        assert set(videos(api)) - before == {video_id}

    def test_a_refused_upload_is_answered_the_same_again(self, api: LiveServer, key: str) -> None:
        files = {"video": ("text.mp4", b"not a video at all")}
        first, again = (
            api.http.post("/api/videos/upload", files=files, headers={"Idempotency-Key": key})
            for _ in range(2)
        )
        assert first.status_code == 415
        assert_repeated(first, again)


class TestKeys:
    def test_another_body(self, api: LiveServer, subtitled: str, key: str) -> None:
        path = f"/api/videos/{subtitled}/translate-subtitles"
        post(api, path, key, {"target_language": "es"}).raise_for_status()
        answer = post(api, path, key, {"target_language": "fr"})
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    def test_another_address(self, api: LiveServer, subtitled: str, key: str) -> None:
        post(api, f"/api/videos/{subtitled}/translate-subtitles", key, {"target_language": "es"})
        answer = post(api, f"/api/videos/{subtitled}/trim", key, {"start_time": 1, "end_time": 2})
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    def test_one_whose_request_takes_long(
        self,
        api: LiveServer,
        openai_server: LoopbackOpenAI,
        video: str,
        own_lines: Callable[[str], tuple[str, str]],
        key: str,
    ) -> None:
        own_lines("translations/en")
        api.completed(f"/api/videos/{video}/generate-tts", {"language": "en"})
        openai_server.fail(Endpoint.SPEECH, Delay(8))
        path = f"/api/videos/{video}/tts/en"
        body = {"segment_ids": [0], "options": {"speaking_rate": 1.2}}
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(post, api, path, key, body)
            api.wait(lambda: len(jobs(api, video)) == 2)
            answer = post(api, path, key, body)
            assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
            assert int(answer.headers["retry-after"]) > 0
            for job in jobs(api, video)[1:]:
                api.http.post(f"/api/tasks/{job['job_id']}/cancel").raise_for_status()
            assert slow.result().status_code == 409

    @pytest.mark.parametrize("unusable", ["", "k" * 256, "\x7f"])
    def test_one_that_is_none(self, api: LiveServer, video: str, unusable: str) -> None:
        answer = api.http.post(f"/api/videos/{video}/trim", headers={"Idempotency-Key": unusable})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"

    def test_it_is_for_posts_alone(self, api: LiveServer, video: str, key: str) -> None:
        headers = {"Idempotency-Key": key}
        answers = [api.http.get(f"/api/videos/{video}", headers=headers) for _ in range(2)]
        assert all(REPLAYED not in answer.headers for answer in answers)
