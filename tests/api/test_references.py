"""The client's own names for videos and tasks."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live_server import Json, LiveServer


@pytest.fixture
def reference() -> str:
    return f"주문 № {uuid.uuid4().hex} / a&b"


def listed(api: LiveServer, kind: str, **parameters: str) -> list[Json]:
    """Every page of a list of videos or tasks."""
    found: list[Json] = []
    cursor: Json = {}
    while True:
        page = api.http.get(f"/api/{kind}", params=parameters | cursor).raise_for_status().json()
        found += page[kind]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def test_videos_are_found_by_theirs(api: LiveServer, short_clip: Path, reference: str) -> None:
    uploaded = [api.upload(short_clip, reference=reference) for _ in range(3)]
    api.upload(short_clip)
    found = listed(api, "videos", reference=reference, limit="2")
    assert [video["video_id"] for video in found] == uploaded[::-1]
    assert {video["reference"] for video in found} == {reference}
    assert api.http.get(f"/api/videos/{uploaded[0]}").json()["reference"] == reference
    assert listed(api, "videos", reference=reference[:-1]) == []


def test_a_video_without_one(api: LiveServer, video: str) -> None:
    assert "reference" not in api.http.get(f"/api/videos/{video}").json()


@pytest.mark.parametrize("wrong", ["x" * 501, "two\nlines", "\x1b[31m"])
def test_what_is_no_reference(api: LiveServer, short_clip: Path, video: str, wrong: str) -> None:
    with short_clip.open("rb") as file:
        upload = api.http.post(
            "/api/videos/upload", files={"video": ("a.mp4", file)}, data={"reference": wrong}
        )
    task = api.http.post(
        f"/api/videos/{video}/trim", json={"start_time": 0, "end_time": 1, "reference": wrong}
    )
    search = api.http.get("/api/tasks", params={"reference": wrong})
    for answer in (upload, task, search):
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["reference"]


def test_tasks_are_found_by_theirs_and_their_state(
    api: LiveServer, video: str, own_lines: Callable[[str], tuple[str, str]], reference: str
) -> None:
    own_lines("original")
    tasks = [
        api.run(f"/api/videos/{video}/translate-subtitles", {"target_language": code, "reference": reference})
        for code in ("es", "fr", "de")
    ]
    assert listed(api, "tasks", reference=reference, limit="1") == tasks[::-1]
    assert listed(api, "tasks", reference=reference, status="completed") == tasks[::-1]
    assert listed(api, "tasks", reference=reference, status="failed") == []


@pytest.mark.parametrize("cursor", ["~~~", "dmlkXzE", "x" * 30])
def test_a_cursor_that_is_none(api: LiveServer, cursor: str) -> None:
    answer = api.http.get("/api/tasks", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")
