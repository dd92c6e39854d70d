"""Signing in: a short access token, and a cookie that draws the next."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from tests.access.people import PASSWORD, Person, Town
from tests.live_server import Json

SIGN_IN = {"email": "una@example.org", "password": PASSWORD}


@pytest.fixture
def browser(town: Town, una: Person) -> Iterator[httpx.Client]:
    """Una's, in which she has signed in."""
    with httpx.Client(base_url=town.server.url, headers={"Accept-Language": "en"}) as client:
        client.post("/api/auth/sign-in", json=SIGN_IN).raise_for_status()
        yield client


@pytest.fixture(scope="module")
def una(town: Town) -> Person:
    return town.newcomer("una")


def looks(town: Town, token: str) -> str:
    """What one with that access token is told."""
    answer = town.http.get("/api/account", headers={"Authorization": f"Bearer {token}"})
    return "ok" if answer.is_success else str(answer.json()["code"])


def audit(town: Town, person: Person) -> list[str]:
    entries: list[Json] = town.http.get("/api/account/audit", headers=person.headers).json()["entries"]
    return [entry["action"] for entry in entries]


def test_the_cookie_is_for_the_browser_alone(town: Town, una: Person) -> None:
    answer = town.sign_in(una.email)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/api/auth" in cookie
    assert answer.headers["cache-control"] == "no-store"
    assert "vdr_" not in answer.text
    assert looks(town, answer.json()["access_token"]) == "ok"


def test_behind_https_it_never_leaves_it(town: Town) -> None:
    """With PUBLIC_URL=https://… it is marked `Secure`; on plain loopback it could not be used then."""
    assert "secure" not in town.sign_in("ann@example.org").headers["set-cookie"].lower()


def test_a_new_token_is_drawn_and_the_old_one_ends(town: Town, browser: httpx.Client) -> None:
    first = browser.post("/api/auth/refresh").raise_for_status().json()["access_token"]
    second = browser.post("/api/auth/refresh").raise_for_status().json()["access_token"]
    assert looks(town, first) == "credentials_invalid"
    assert looks(town, second) == "ok"


def test_a_copied_cookie_ends_the_sign_in_for_both(town: Town, una: Person, browser: httpx.Client) -> None:
    """However often whoever has the copy has used it."""
    copied = browser.cookies["refresh_token"]
    for _ in range(2):
        token = browser.post("/api/auth/refresh").raise_for_status().json()["access_token"]
    with httpx.Client(base_url=town.server.url, cookies={"refresh_token": copied}) as other:
        assert other.post("/api/auth/refresh").json()["code"] == "sign_in_failed"
    assert browser.post("/api/auth/refresh").json()["code"] == "sign_in_failed"
    assert looks(town, token) == "credentials_invalid"
    assert "sign_in_stolen" in audit(town, una)


def test_two_windows_may_draw_at_once(town: Town, browser: httpx.Client) -> None:
    same = browser.cookies["refresh_token"]
    browser.post("/api/auth/refresh").raise_for_status()
    with httpx.Client(base_url=town.server.url, cookies={"refresh_token": same}) as window:
        assert window.post("/api/auth/refresh").is_success


def test_signing_out(town: Town, browser: httpx.Client) -> None:
    token = browser.post("/api/auth/refresh").raise_for_status().json()["access_token"]
    kept = browser.cookies["refresh_token"]
    assert browser.post("/api/auth/sign-out").status_code == 204
    assert "refresh_token" not in browser.cookies
    assert looks(town, token) == "credentials_invalid"
    browser.cookies["refresh_token"] = kept
    assert browser.post("/api/auth/refresh").status_code == 401
    assert browser.post("/api/auth/sign-out").status_code == 204


@pytest.mark.parametrize(
    "body",
    [SIGN_IN | {"password": "wrong"}, SIGN_IN | {"email": "nobody@example.org"}],
    ids=["password", "e-mail"],
)
def test_it_is_not_told_what_was_wrong(town: Town, una: Person, body: Json) -> None:
    answer = town.http.post("/api/auth/sign-in", json=body)
    other = town.http.post("/api/auth/sign-in", json=SIGN_IN | {"password": "x"})
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_failed")
    assert answer.json() == other.json()


def test_refusals_are_written_down(town: Town) -> None:
    fresh = town.newcomer("ursula")
    town.http.post("/api/auth/sign-in", json={"email": fresh.email, "password": "wrong"})
    assert audit(town, fresh)[:2] == ["sign_in_refused", "signed_in"]


def test_who_guesses_does_not_fill_the_audit_log(town: Town) -> None:
    """One entry in an hour from one place for somebody's account, and none for nobody's."""
    target = town.newcomer("udo")
    for number in range(3):
        for email in (target.email, f"nobody{number}@example.org"):
            town.http.post("/api/auth/sign-in", json={"email": email, "password": "wrong"})
    assert audit(town, target).count("sign_in_refused") == 1
    with closing(sqlite3.connect(town.server.data_dir / "app.sqlite")) as database:
        rows = database.execute("SELECT target FROM audit WHERE action = 'sign_in_refused'").fetchall()
    assert (target.user_id,) in rows
    assert (None,) not in rows


@pytest.mark.parametrize("path", ["sign-in", "refresh", "sign-out"])
def test_pages_of_other_sites_cannot_use_the_cookie(browser: httpx.Client, path: str) -> None:
    body = SIGN_IN if path == "sign-in" else None
    answer = browser.post(f"/api/auth/{path}", json=body, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 401


def test_an_email_is_found_in_any_case(town: Town, una: Person) -> None:
    assert town.sign_in("UNA@Example.Org").is_success


def test_a_new_password_ends_every_sign_in(town: Town) -> None:
    mia = town.newcomer("mia")
    key = town.key(mia, "videos:read")
    change = {"current": "wrong", "new": "another long one"}
    wrong = town.http.put("/api/account/password", json=change, headers=mia.headers)
    assert wrong.json()["code"] == "sign_in_failed"
    change["current"] = PASSWORD
    assert town.http.put("/api/account/password", json=change, headers=mia.headers).status_code == 204
    assert town.http.get("/api/account", headers=mia.headers).status_code == 401
    assert town.sign_in(mia.email).status_code == 401
    assert town.sign_in(mia.email, "another long one").is_success
    assert town.http.get("/api/account", headers={"X-API-Key": key["secret"]}).is_success


def test_a_short_password_is_refused(town: Town) -> None:
    body = {"email": "shorty@example.org", "password": "too short"}
    answer = town.http.post("/api/users", json=body, headers=town.operator.headers)
    assert answer.status_code == 422
    assert "too short" not in answer.text


def test_signing_out_everywhere(town: Town) -> None:
    nia = town.newcomer("nia")
    other = town.sign_in(nia.email).json()["access_token"]
    assert town.http.post("/api/account/sign-out-everywhere", headers=nia.headers).status_code == 204
    assert looks(town, other) == "credentials_invalid"
    assert town.http.get("/api/account", headers=nia.headers).status_code == 401


def test_a_disabled_user_is_out_at_once(town: Town) -> None:
    zed = town.newcomer("zed")
    key = town.key(zed)
    change = {"disabled": True}
    path = f"/api/users/{zed.user_id}"
    town.http.patch(path, json=change, headers=town.operator.headers).raise_for_status()
    assert town.http.get("/api/account", headers=zed.headers).status_code == 401
    assert town.http.get("/api/account", headers={"X-API-Key": key["secret"]}).status_code == 401
    assert town.sign_in(zed.email).status_code == 401
    town.http.patch(path, json={"disabled": False}, headers=town.operator.headers).raise_for_status()
    assert town.sign_in(zed.email).is_success


def test_the_last_operator_stays(town: Town) -> None:
    path = f"/api/users/{town.operator.user_id}"
    answer = town.http.patch(path, json={"disabled": True}, headers=town.operator.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_operator")


def test_no_secret_is_kept_in_clear(town: Town, una: Person) -> None:
    token = town.sign_in(una.email).json()["access_token"]
    key = town.key(una)["secret"]
    files = [path for path in town.server.data_dir.rglob("*") if path.is_file()]
    held = b"".join(path.read_bytes() for path in files)
    assert una.email.encode() in held
    for secret in (token, key, PASSWORD):
        assert secret.encode() not in held
