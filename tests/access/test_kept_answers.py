"""Answers kept for an `Idempotency-Key`: given again to who may still see what they are about, and gone with
it."""

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from app.idempotency.claim import RepeatableRoute
from app.main import ROUTERS
from tests.access.people import PASSWORD, Person, Town


@pytest.fixture
def gus(town: Town) -> Person:
    """An editor of Ann's project, new for each test."""
    person = town.newcomer(f"gus{uuid.uuid4().hex}")
    town.share(person, "editor").raise_for_status()
    return person


def with_key(person: Person) -> Person:
    """Sends everything under one key of idempotency."""
    return Person(person.name, person.headers | {"Idempotency-Key": uuid.uuid4().hex}, person.user_id)


def uploaded(town: Town, person: Person, clip: Path) -> httpx.Response:
    return town.upload(person, clip, project_id=town.project, title="A secret title")


def trimmed(town: Town, person: Person, video: str) -> httpx.Response:
    body = {"start_time": 0, "end_time": 1}
    return town.http.post(f"/api/videos/{video}/trim", json=body, headers=person.headers)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def kept_about(town: Town, *about: str) -> list[tuple[object, ...]]:
    """What is at rest of answers about them."""
    with closing(sqlite3.connect(town.server.data_dir / "app.sqlite")) as database:
        places = ", ".join("?" * len(about))
        query = f"SELECT content, headers, body FROM idempotency_keys WHERE about IN ({places})"
        return [row for row in database.execute(query, about) if any(row)]


def test_every_post_can_be_repeated() -> None:
    """Else an answer of it would be kept and never given again, or given again without its guard: what a
    function takes as a parameter is not asked for then."""
    posts = [
        route for router in ROUTERS for route in router.routes if "POST" in getattr(route, "methods", ())
    ]
    assert len(posts) > 20
    for route in posts:
        assert isinstance(route, RepeatableRoute), route
        guards = [getattr(each.dependency, "__module__", "") for each in route.dependencies]
        assert any(name.endswith(".access") for name in guards) or route.path.startswith("/api/auth/"), route


@pytest.mark.parametrize("by_key", [False, True], ids=["signed in", "by a key"])
def test_who_has_left_is_told_nothing(town: Town, gus: Person, short_clip: Path, by_key: bool) -> None:
    if by_key:
        scopes = ("videos:read", "videos:write", "jobs:run")
        gus = Person(gus.name, {"X-API-Key": town.key(gus, *scopes)["secret"]}, gus.user_id)
    uploading, trimming = with_key(gus), with_key(gus)
    first = uploaded(town, uploading, short_clip).raise_for_status()
    video = first.json()["video_id"]
    trimmed(town, trimming, video).raise_for_status()
    assert uploaded(town, uploading, short_clip).content == first.content
    assert trimmed(town, trimming, video).headers["idempotent-replayed"] == "true"

    path = f"/api/projects/{town.project}/members/{gus.user_id}"
    town.http.delete(path, headers=town.ann.headers).raise_for_status()
    again = uploaded(town, uploading, short_clip)
    assert told(again) == (409, "idempotency_answer_lost")
    assert "A secret title" not in again.text
    assert trimmed(town, trimming, video).json() == trimmed(town, gus, video).json()
    assert told(trimmed(town, trimming, video)) == (404, "video_not_found")
    assert kept_about(town, video) == []


def test_who_may_only_look_now_is_refused(town: Town, gus: Person, short_clip: Path) -> None:
    trimming = with_key(gus)
    video = uploaded(town, gus, short_clip).raise_for_status().json()["video_id"]
    trimmed(town, trimming, video).raise_for_status()
    town.share(gus, "viewer").raise_for_status()
    assert told(trimmed(town, trimming, video)) == (403, "forbidden")
    town.share(gus, "editor").raise_for_status()
    assert trimmed(town, trimming, video).headers["idempotent-replayed"] == "true"


def test_answers_go_with_the_video(town: Town, gus: Person, short_clip: Path) -> None:
    """What was done is not done again all the same."""
    uploading, trimming = with_key(gus), with_key(gus)
    video = uploaded(town, uploading, short_clip).raise_for_status().json()["video_id"]
    trimmed(town, trimming, video).raise_for_status()
    assert len(kept_about(town, video)) == 2
    town.http.delete(f"/api/videos/{video}", headers=gus.headers).raise_for_status()
    assert kept_about(town, video) == []
    for answer in (trimmed(town, trimming, video), uploaded(town, uploading, short_clip)):
        assert told(answer) == (409, "idempotency_answer_lost")


def test_answers_go_with_the_task_of_a_deleted_video(town: Town, gus: Person, short_clip: Path) -> None:
    cancelling = with_key(gus)
    source = uploaded(town, gus, short_clip).raise_for_status().json()["video_id"]
    cut = trimmed(town, gus, source).raise_for_status().json()
    path = f"/api/tasks/{cut['task_id']}/cancel"
    first = town.http.post(path, headers=cancelling.headers)
    assert told(town.http.post(path, headers=cancelling.headers)) == told(first)
    assert kept_about(town, cut["trimmed_video_id"])
    town.http.delete(f"/api/videos/{cut['trimmed_video_id']}", headers=gus.headers).raise_for_status()
    assert kept_about(town, cut["trimmed_video_id"]) == []
    assert told(town.http.post(path, headers=cancelling.headers)) == (404, "task_not_found")


def test_answers_go_with_the_project(town: Town, gus: Person, short_clip: Path) -> None:
    making, uploading = with_key(gus), with_key(gus)
    body = {"name": "A secret name"}
    made = town.http.post("/api/projects", json=body, headers=making.headers).raise_for_status()
    project = made.json()["project_id"]
    answer = town.upload(uploading, short_clip, project_id=project, title="A secret title")
    about = project, answer.raise_for_status().json()["video_id"]
    assert len(kept_about(town, *about)) == 2
    town.http.delete(f"/api/projects/{project}", headers=gus.headers).raise_for_status()
    assert kept_about(town, *about) == []
    again = town.http.post("/api/projects", json=body, headers=making.headers)
    assert told(again) == (409, "idempotency_answer_lost")


def test_answers_go_with_the_account(town: Town, gus: Person) -> None:
    """Those to the operator who made it, too."""
    making = with_key(town.operator)
    body = {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD}
    made = town.http.post("/api/users", json=body, headers=making.headers).raise_for_status().json()
    assert kept_about(town, made["user_id"])
    token = town.sign_in(body["email"]).raise_for_status().json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    town.http.request(
        "DELETE", "/api/account", json={"password": PASSWORD}, headers=headers
    ).raise_for_status()
    assert kept_about(town, made["user_id"]) == []


def test_answers_go_with_the_key(town: Town, gus: Person, short_clip: Path) -> None:
    key = town.key(gus, "videos:read", "videos:write")
    by_key = with_key(Person("key", {"X-API-Key": key["secret"]}))
    video = uploaded(town, by_key, short_clip).raise_for_status().json()["video_id"]
    assert kept_about(town, video)
    town.http.delete(f"/api/keys/{key['key_id']}", headers=gus.headers).raise_for_status()
    assert kept_about(town, video) == []
