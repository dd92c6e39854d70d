"""What the tests of limits share."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.live_server import LiveServer

Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def limited_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with limits so low that a few requests reach them, and pages of its own elsewhere. Windows
    are so long that hardly a test sees one end."""
    settings = {
        "RATE_LIMIT_ADDRESS": "5/day",
        "RATE_LIMIT_SIGN_IN": "2/day",
        "RATE_LIMIT_UPLOAD": "1/day",
        "CORS_ORIGINS": "https://dub.example",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    with LiveServer(tmp_path_factory.mktemp("limited") / "data", **settings) as server:
        yield server


@pytest.fixture
def ask(limited_api: LiveServer) -> Ask:
    """A request as it comes through a proxy on the same machine, from the address given."""

    def send(
        address: str, method: str = "GET", path: str = "/api/videos", **options: object
    ) -> httpx.Response:
        headers = {"X-Forwarded-For": address, "Origin": "https://dub.example"}
        return limited_api.http.request(method, path, headers=headers, **options)  # type: ignore[arg-type]

    return send
