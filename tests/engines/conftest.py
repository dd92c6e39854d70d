from collections.abc import AsyncIterator, Iterator

import pytest

from app.core.openai_client import OpenAIClient
from tests.engines.connections import connected
from tests.loopback.openai_server import LoopbackOpenAI


@pytest.fixture(scope="session")
def running_server() -> Iterator[LoopbackOpenAI]:
    with LoopbackOpenAI() as server:
        yield server


@pytest.fixture
def server(running_server: LoopbackOpenAI) -> LoopbackOpenAI:
    """A server that has seen no request and plans no fault."""
    running_server.forget()
    return running_server


@pytest.fixture
async def client(server: LoopbackOpenAI) -> AsyncIterator[OpenAIClient]:
    async with connected(server.url) as connection:
        yield connection
