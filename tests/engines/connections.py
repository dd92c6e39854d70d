"""Connections to a loopback server, with settings that the environment cannot change."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.core.gate.gate import Gate
from app.core.openai_client import OpenAIClient
from app.core.settings import Settings
from app.resources import gate_limits

KEY = "sk-proj-abcdef0123456789"


def client_with(**given: object) -> OpenAIClient:
    settings = Settings.model_validate(given)
    return OpenAIClient(settings, Gate(gate_limits(settings)))


@asynccontextmanager
async def connected(url: str, **settings: object) -> AsyncIterator[OpenAIClient]:
    given = {"openai_base_url": url, "openai_api_key": KEY, "openai_max_retries": 1}
    client = client_with(**(given | settings))
    try:
        yield client
    finally:
        await client.aclose()
