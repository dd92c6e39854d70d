"""The shared connection: names of models, the number of calls at once, and what failures become."""

import asyncio
import socket
import subprocess
import sys

import pytest

from app.core.errors import ErrorCode
from app.core.openai_client import OpenAIClient
from tests.engines.connections import KEY, MODEL, ask, client_with, connected, problem_of
from tests.loopback import faults
from tests.loopback.faults import Fault, Refusal
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI


@pytest.mark.parametrize(
    ("requested", "runs"),
    [(None, "mine"), ("whisper-large-v2", "mine"), ("gpt-4", "mine"), ("gpt-transcribe", "gpt-transcribe")],
)
def test_a_retired_name_means_the_operators_model(requested: str | None, runs: str) -> None:
    assert client_with().resolve_model(requested, "mine") == runs


def test_an_alias_the_operator_wrote_is_followed_to_the_letter() -> None:
    client = client_with(openai_model_aliases={"whisper-large-v2": "whisper-1", "best": "gpt-transcribe"})
    assert client.resolve_model("whisper-large-v2", "mine") == "whisper-1"
    assert client.resolve_model("best", "mine") == "gpt-transcribe"
    assert client.resolve_model("whisper-small", "mine") == "mine"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (faults.BAD_KEY, ErrorCode.ENGINE_AUTHENTICATION),
        (Refusal(403, "unsupported_country", "Not here."), ErrorCode.ENGINE_AUTHENTICATION),
        (faults.INSUFFICIENT_QUOTA, ErrorCode.ENGINE_QUOTA),
        (Refusal(402, "no_credit", "Insufficient balance."), ErrorCode.ENGINE_QUOTA),
        (faults.RATE_LIMITED, ErrorCode.ENGINE_RATE_LIMITED),
        (faults.UNKNOWN_MODEL, ErrorCode.MODEL_UNAVAILABLE),
        (faults.BAD_REQUEST, ErrorCode.ENGINE_REFUSED),
        (Refusal(422, "unprocessable", "No."), ErrorCode.ENGINE_REFUSED),
        (faults.SERVER_ERROR, ErrorCode.ENGINE_UNREACHABLE),
        (faults.CONNECTION_RESET, ErrorCode.ENGINE_UNREACHABLE),
        (faults.HALF_BODY, ErrorCode.ENGINE_BAD_ANSWER),
        (faults.NOT_JSON, ErrorCode.ENGINE_BAD_ANSWER),
        (faults.Body(b"[" * 100_000), ErrorCode.ENGINE_BAD_ANSWER),
        (faults.Body(b"1" * 5_000), ErrorCode.ENGINE_BAD_ANSWER),
        (faults.Body(b"\xff\xfe{"), ErrorCode.ENGINE_BAD_ANSWER),
    ],
)
async def test_failures_become_problems_a_person_can_act_on(
    server: LoopbackOpenAI, client: OpenAIClient, fault: Fault, code: ErrorCode
) -> None:
    server.fail(Endpoint.CHAT, fault, times=2)
    problem = await problem_of(client)
    assert problem.code is code
    assert problem.details["model"] == MODEL
    assert problem.details["reason"]


async def test_after_a_lost_connection_there_is_another(server: LoopbackOpenAI) -> None:
    server.fail(Endpoint.CHAT, faults.CONNECTION_RESET)
    async with connected(server.url, openai_max_retries=0) as client:
        await problem_of(client)
        await ask(client)


@pytest.mark.parametrize(
    "fault",
    [
        faults.RATE_LIMITED,
        faults.SERVER_ERROR,
        faults.CONNECTION_RESET,
        faults.HALF_BODY,
        faults.NOT_JSON,
        Refusal(409, "conflict", "The resource is locked."),
    ],
)
async def test_a_passing_trouble_is_not_noticed(
    server: LoopbackOpenAI, client: OpenAIClient, fault: Fault
) -> None:
    server.fail(Endpoint.CHAT, fault)
    await ask(client)
    assert len(server.requests_to(Endpoint.CHAT)) == 2


async def test_a_slow_server_is_given_up(server: LoopbackOpenAI) -> None:
    server.fail(Endpoint.CHAT, faults.Delay(0.5))
    async with connected(server.url, openai_timeout_seconds=0.05, openai_max_retries=0) as client:
        problem = await problem_of(client)
    assert (problem.code, problem.details["reason"]) == (ErrorCode.ENGINE_UNREACHABLE, "no answer in time")


async def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    async with connected(f"http://127.0.0.1:{port}/v1", openai_max_retries=0) as client:
        assert (await problem_of(client)).code is ErrorCode.ENGINE_UNREACHABLE


async def test_the_key_is_never_repeated(server: LoopbackOpenAI, client: OpenAIClient) -> None:
    message = f"Incorrect API key provided: {KEY}, or was it sk-abc***xyz?\n" + "See the manual. " * 50
    server.fail(Endpoint.CHAT, Refusal(401, "invalid_api_key", message))
    reason = str((await problem_of(client)).details["reason"])
    assert "sk-" not in reason
    assert len(reason) <= 200
    assert "\n" not in reason


async def test_a_server_that_checks_keys_and_models() -> None:
    with LoopbackOpenAI(api_key=KEY) as server:
        async with connected(server.url) as client:
            await ask(client)
            assert (await problem_of(client, "gpt-9")).code is ErrorCode.MODEL_UNAVAILABLE
        async with connected(server.url, openai_api_key=None) as client:
            assert (await problem_of(client)).code is ErrorCode.ENGINE_AUTHENTICATION


async def test_no_more_calls_at_once_than_allowed() -> None:
    with LoopbackOpenAI(latency={Endpoint.CHAT: 0.02}) as server:
        async with connected(server.url, openai_max_concurrency=3) as client:
            await asyncio.gather(*(ask(client) for _ in range(9)))
    assert server.most_at_once == 3


async def test_closing_what_was_never_opened() -> None:
    await client_with().aclose()


def test_the_sdk_is_not_loaded_before_the_first_call() -> None:
    """Also not by the engines: the server starts with all of them."""
    program = (
        "import sys, app.subtitles.engines.openai, app.translation.engines.openai, app.tts.engines.openai\n"
        "from app.core.gate.gate import Gate, GateLimits; from app.core.openai_client import OpenAIClient\n"
        "from app.core.settings import Settings\n"
        "OpenAIClient(Settings(), Gate(GateLimits(8)))\n"
        "sys.exit('openai' in sys.modules or 'av' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
