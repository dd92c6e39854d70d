"""API keys: shown once, for some scopes and perhaps one project, rotated with an overlap, revoked at once."""

from datetime import UTC, datetime

import httpx
import pytest

from tests.access.people import Person, Town
from tests.live_server import Json


def with_key(town: Town, secret: str, path: str = "/api/account") -> httpx.Response:
    return town.http.get(path, headers={"X-API-Key": secret})


def test_its_secret_is_shown_once(town: Town) -> None:
    key = town.key(town.ann, "videos:read", name="Importer")
    listed = town.http.get("/api/keys", headers=town.ann.headers).json()["keys"]
    mine = next(each for each in listed if each["key_id"] == key["key_id"])
    assert "secret" not in mine
    assert key["secret"].startswith(mine["prefix"])
    assert (mine["name"], mine["scopes"], mine["last_used_at"]) == ("Importer", ["videos:read"], None)


def test_both_headers_will_do(town: Town) -> None:
    secret = town.key(town.ann)["secret"]
    assert with_key(town, secret).json()["signed_in_by"] == "key"
    assert town.http.get("/api/account", headers={"Authorization": f"Bearer {secret}"}).is_success


def test_it_is_told_when_it_was_used(town: Town) -> None:
    key = town.key(town.ann)
    with_key(town, key["secret"])
    listed = town.http.get("/api/keys", headers=town.ann.headers).json()["keys"]
    used = next(each["last_used_at"] for each in listed if each["key_id"] == key["key_id"])
    assert abs((datetime.now(UTC) - datetime.fromisoformat(used)).total_seconds()) < 60


def test_rotation_leaves_time_to_tell_everybody(town: Town) -> None:
    key = town.key(town.ann)
    path = f"/api/keys/{key['key_id']}/rotate"
    second = town.http.post(path, headers=town.ann.headers).raise_for_status().json()
    assert second["key_id"] == key["key_id"]
    assert with_key(town, key["secret"]).is_success
    assert with_key(town, second["secret"]).is_success
    body = {"overlap_seconds": 0}
    third = town.http.post(path, json=body, headers=town.ann.headers).raise_for_status().json()
    assert with_key(town, key["secret"]).json()["code"] == "credentials_invalid"
    assert with_key(town, second["secret"]).json()["code"] == "credentials_expired"
    assert with_key(town, third["secret"]).is_success


def test_revoked_at_once(town: Town) -> None:
    key = town.key(town.ann)
    assert with_key(town, key["secret"]).is_success
    assert town.http.delete(f"/api/keys/{key['key_id']}", headers=town.ann.headers).status_code == 204
    assert with_key(town, key["secret"]).json()["code"] == "credentials_invalid"
    again = town.http.delete(f"/api/keys/{key['key_id']}", headers=town.ann.headers)
    assert (again.status_code, again.json()["code"]) == (404, "key_not_found")


def test_nobody_sees_anothers(town: Town) -> None:
    key = town.key(town.ann)
    for method, path in (("DELETE", ""), ("POST", "/rotate")):
        answer = town.http.request(method, f"/api/keys/{key['key_id']}{path}", headers=town.otto.headers)
        assert answer.json()["code"] == "key_not_found"
    assert with_key(town, key["secret"]).is_success


def test_it_gives_no_more_than_it_has(town: Town) -> None:
    admin = Person("key", {"X-API-Key": town.key(town.ann, "admin")["secret"]})
    body = {"name": "more", "scopes": ["videos:read"]}
    answer = town.http.post("/api/keys", json=body, headers=admin.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_into_one_project_only(town: Town) -> None:
    own = town.http.post("/api/projects", json={"name": "Other"}, headers=town.ann.headers).json()
    key = town.key(town.ann, "videos:read", "admin", project_id=town.project)
    listed = with_key(town, key["secret"], "/api/projects").json()["projects"]
    assert [each["project_id"] for each in listed] == [town.project]
    other = with_key(town, key["secret"], f"/api/projects/{own['project_id']}")
    assert other.json()["code"] == "project_not_found"
    body = {"name": "wider", "scopes": ["videos:read"]}
    wider = town.http.post("/api/keys", json=body, headers={"X-API-Key": key["secret"]})
    assert (wider.status_code, wider.json()["code"]) == (422, "project_not_found")


def test_only_for_a_project_of_ones_own(town: Town) -> None:
    body = {"name": "sly", "scopes": ["videos:read"], "project_id": town.project}
    answer = town.http.post("/api/keys", json=body, headers=town.otto.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "project_not_found")


@pytest.mark.parametrize(
    "change",
    [{"scopes": []}, {"scopes": ["everything"]}, {"name": ""}, {"expires_at": "tomorrow"}, {"admin": True}],
    ids=str,
)
def test_terms_that_cannot_be(town: Town, change: Json) -> None:
    body = {"name": "key", "scopes": ["videos:read"]} | change
    assert town.http.post("/api/keys", json=body, headers=town.ann.headers).status_code == 422


def test_an_answer_is_given_again_to_none_but_the_one_who_asked(town: Town) -> None:
    """Two callers may choose the same Idempotency-Key."""
    body = {"name": "Twice"}
    again = {"Idempotency-Key": "mine"}
    first = town.http.post("/api/projects", json=body, headers=town.ann.headers | again).json()
    same = town.http.post("/api/projects", json=body, headers=town.ann.headers | again)
    other = town.http.post("/api/projects", json=body, headers=town.otto.headers | again)
    assert same.json() == first
    assert same.headers["idempotent-replayed"] == "true"
    assert other.json()["project_id"] != first["project_id"]
    assert town.http.post("/api/projects", json=body, headers=again).status_code == 401


def test_one_for_a_project_does_not_reach_the_account(town: Town) -> None:
    """Though it may administer the project, and its owner has wider keys."""
    wide = town.key(town.ann, "admin", "videos:read")
    narrow = {"X-API-Key": town.key(town.ann, "admin", "videos:read", project_id=town.project)["secret"]}
    for method, path in (
        ("POST", f"/api/keys/{wide['key_id']}/rotate"),
        ("DELETE", f"/api/keys/{wide['key_id']}"),
    ):
        assert town.http.request(method, path, headers=narrow).json()["code"] == "key_not_found"
    assert wide["key_id"] not in town.http.get("/api/keys", headers=narrow).text
    for method, path in (
        ("GET", "/api/account/export"),
        ("GET", "/api/account/audit"),
        ("POST", "/api/account/sign-out-everywhere"),
    ):
        assert town.http.request(method, path, headers=narrow).status_code == 403
    assert town.http.post("/api/projects", json={"name": "More"}, headers=narrow).status_code == 403
    assert with_key(town, wide["secret"]).is_success


def test_it_makes_none_that_outlives_it(town: Town) -> None:
    end = "2030-01-01T00:00:00.000Z"
    maker = {"X-API-Key": town.key(town.ann, "admin", expires_at=end)["secret"]}
    for asked in (None, "2031-01-01T00:00:00Z"):
        body = {"name": "heir", "scopes": ["admin"], "expires_at": asked}
        made = town.http.post("/api/keys", json=body, headers=maker).raise_for_status().json()
        assert made["expires_at"] == end


def test_its_secret_is_not_kept_for_another_answer(town: Town) -> None:
    body = {"name": "once", "scopes": ["videos:read"]}
    headers = town.ann.headers | {"Idempotency-Key": "once"}
    assert town.http.post("/api/keys", json=body, headers=headers).status_code == 201
    again = town.http.post("/api/keys", json=body, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_answer_lost")


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_an_end_out_of_the_calendar(town: Town, moment: str) -> None:
    body = {"name": "key", "scopes": ["videos:read"], "expires_at": moment}
    assert town.http.post("/api/keys", json=body, headers=town.ann.headers).status_code == 422
