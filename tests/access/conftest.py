"""What the tests of who may do what share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.access.people import Town
from tests.conftest import PRICES, make_clip
from tests.live_server import LiveServer
from tests.loopback.openai_server import LoopbackOpenAI


@pytest.fixture(scope="package")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, 160 × 90."""
    path = tmp_path_factory.mktemp("access") / "short.mp4"
    make_clip(path, seconds=2, size="160x90")
    return path


@pytest.fixture(scope="package")
def town(tmp_path_factory: pytest.TempPathFactory, openai_server: LoopbackOpenAI) -> Iterator[Town]:
    """People on a server of their own. It is shared: tests take nothing away from them."""
    data = tmp_path_factory.mktemp("town") / "data"
    settings = {"PRICES_FILE": str(PRICES), "WEBHOOK_PRIVATE_ADDRESSES": "true"}
    with LiveServer(data, OPENAI_BASE_URL=openai_server.url, **settings) as server:
        yield Town(server)
