"""How large a body may be, whatever it says of itself."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from app.limits.bodies import LARGEST_JSON, LARGEST_TRACK
from tests.api.test_errors import problem_in
from tests.live_server import LiveServer

WEBHOOKS = "/api/webhooks"
JSON = {"Content-Type": "application/json"}


def pieces(size: int) -> Iterator[bytes]:
    """A body that does not tell its size before."""
    yield b'{"url": "'
    for _ in range(size // 65536):
        yield b"x" * 65536


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in pieces"])
@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("POST", WEBHOOKS, LARGEST_JSON),
        ("POST", "/api/videos/{}/dub", LARGEST_JSON),
        ("PUT", "/api/videos/{}/subtitles/original", LARGEST_TRACK),
        ("POST", "/api/nowhere", LARGEST_JSON),
    ],
)
def test_a_body_that_is_too_large_is_refused(
    api: LiveServer, clip: Path, method: str, path: str, limit: int, announced: bool
) -> None:
    path = path.format(api.upload(clip))
    content = b"x" * (limit + 1) if announced else pieces(limit + 65536 * 2)
    answer = api.http.request(method, path, content=content, headers=JSON)
    if path.endswith("nowhere") and not announced:
        problem_in(answer, 404, "route_not_found")  # without reading any of it
    else:
        problem = problem_in(answer, 413, "body_too_large")
        assert str(limit) in problem["detail"]


@pytest.mark.parametrize("key", [None, "a-key-of-its-own"])
def test_a_refused_body_frees_its_key(api: LiveServer, key: str | None) -> None:
    headers = JSON | ({"Idempotency-Key": key} if key else {})
    for _ in range(2):
        answer = api.http.post(WEBHOOKS, content=pieces(LARGEST_JSON + 65536 * 2), headers=headers)
        problem_in(answer, 413, "body_too_large")


@pytest.mark.parametrize("opening", [b"[", b'{"url":', b'[{"a":'])
@pytest.mark.parametrize("path", [WEBHOOKS, "/api/videos/vid_of_nobody/dub"])
def test_no_depth_is_too_much(api: LiveServer, path: str, opening: bytes) -> None:
    answer = api.http.post(path, content=opening * (LARGEST_JSON // len(opening)), headers=JSON)
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize("opening", [b"[", b'{"segments":'])
def test_no_depth_of_a_track_is_too_much(api: LiveServer, opening: bytes) -> None:
    answer = api.http.put(
        "/api/videos/vid_of_nobody/subtitles/original", content=opening * 100_000, headers=JSON
    )
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 5000])
def test_a_number_that_is_none_is_refused(api: LiveServer, clip: Path, number: str) -> None:
    content = f'{{"start_time": 0, "end_time": {number}}}'
    answer = api.http.post(f"/api/videos/{api.upload(clip)}/trim", content=content, headers=JSON)
    assert answer.status_code == 422, answer.text


def test_headers_have_an_end(api: LiveServer) -> None:
    """The connection may be gone before all of them are sent."""
    with suppress(httpx.ReadError, httpx.WriteError):
        answer = api.http.get("/api/videos", headers={"X-Long": "x" * 600_000})
        assert answer.status_code in (400, 431)
    assert api.http.get("/api/videos").is_success


def test_an_address_has_an_end(api: LiveServer) -> None:
    answer = api.http.get(f"/api/videos?reference={'x' * 20_000}")
    assert 400 <= answer.status_code < 500
    with pytest.raises((httpx.InvalidURL, httpx.RemoteProtocolError, httpx.ReadError)):
        api.http.get(f"/api/videos?reference={'x' * 200_000}").raise_for_status()
