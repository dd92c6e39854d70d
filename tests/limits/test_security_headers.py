"""What every answer tells browsers not to do, be it an answer, a file, a page or an error."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.core.settings import Settings
from app.main import create_app
from tests.live_server import LiveServer

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.mark.parametrize(
    "path",
    ["/api/videos", "/api/videos/vid_of_nobody", "/nowhere", "/healthz", "/docs", "/redoc", "/openapi.json"],
)
def test_every_answer_carries_them(api: LiveServer, path: str) -> None:
    headers = api.http.get(path).headers
    assert {name: headers.get(name) for name in ALWAYS} == ALWAYS
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers
    assert "strict-transport-security" not in headers


def test_answers_are_kept_by_nobody(api: LiveServer) -> None:
    assert api.http.get("/api/videos").headers["cache-control"] == "no-store"


def test_files_carry_them_and_are_kept_by_their_reader_alone(api: LiveServer, clip: Path) -> None:
    answer = api.http.get(f"/api/videos/{api.upload(clip)}/file", headers={"Range": "bytes=0-9"})
    assert answer.status_code == 206
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "media-src 'self'" in answer.headers["content-security-policy"]


def test_the_api_page_has_its_own_scripts_and_no_others(api: LiveServer) -> None:
    policy = api.http.get("/docs").headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "http" not in policy


@pytest.fixture
async def broken(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server with a defect at /broken, that is reached over HTTPS by pages elsewhere."""
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        public_url="https://dub.example",
        cors_origins="https://pages.example",
    )
    app = create_app(settings)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("hush: a secret of the trace")

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://dub.example") as client:
        yield client
    await app.state.resources.close()


async def test_a_defect_tells_nothing_and_carries_them(broken: httpx.AsyncClient) -> None:
    answer = await broken.get("/broken", headers={"Origin": "https://pages.example"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hush" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "https://pages.example"


async def test_over_https_nothing_else_is_tried_again(broken: httpx.AsyncClient) -> None:
    headers = (await broken.get("/healthz")).headers
    assert headers["strict-transport-security"].startswith("max-age=")
    assert headers["cross-origin-resource-policy"] == "cross-origin"


async def test_a_page_of_another_origin_may_not_read(broken: httpx.AsyncClient) -> None:
    answer = await broken.get("/healthz", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in answer.headers
