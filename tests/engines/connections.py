"""Connections to a loopback server, with settings that the environment cannot change, and calls over them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.core.errors import Problem
from app.core.gate.gate import Gate
from app.core.openai_client import OpenAIClient
from app.core.settings import Settings
from app.resources import gate_limits

MODEL = "gpt-5.4-mini"
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


async def ask(client: OpenAIClient, model: str = MODEL, tokens: int = 0) -> object:
    content = '{"source_language": "en", "target_language": "es", "lines": [{"id": 1, "text": "cat"}]}'
    return await client.call(
        model,
        lambda sdk: sdk.chat.completions.create(model=model, messages=[{"role": "user", "content": content}]),
        lambda answer: answer,
        tokens=tokens,
    )


async def problem_of(client: OpenAIClient, model: str = MODEL) -> Problem:
    with pytest.raises(Problem) as caught:
        await ask(client, model)
    return caught.value
