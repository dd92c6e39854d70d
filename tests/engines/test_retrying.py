"""Calls of the shared client that fail: which are tried again, when, and how often."""

import asyncio
import json
import time

import pytest

from app.core.errors import ErrorCode
from tests.engines.connections import ask, connected, problem_of
from tests.loopback import faults
from tests.loopback.faults import Body, Fault, Refusal
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

REST = 0.3


@pytest.mark.parametrize("fault", [faults.INSUFFICIENT_QUOTA, faults.BAD_KEY, faults.UNKNOWN_MODEL])
async def test_what_no_retry_can_help_costs_one_request(server: LoopbackOpenAI, fault: Refusal) -> None:
    server.fail(Endpoint.CHAT, fault, times=10)
    async with connected(server.url, openai_max_retries=5) as client:
        await problem_of(client)
    assert len(server.requests_to(Endpoint.CHAT)) == 1


async def test_no_more_retries_than_allowed(server: LoopbackOpenAI) -> None:
    server.fail(Endpoint.CHAT, faults.CONNECTION_RESET, times=10)
    async with connected(server.url, openai_max_retries=2) as client:
        assert (await problem_of(client)).code is ErrorCode.ENGINE_UNREACHABLE
    assert len(server.requests_to(Endpoint.CHAT)) == 3


async def test_no_retry_after_the_time_for_it(server: LoopbackOpenAI) -> None:
    server.fail(Endpoint.CHAT, faults.CONNECTION_RESET, times=10)
    async with connected(server.url, openai_max_retries=20, openai_retry_seconds=0.001) as client:
        await problem_of(client)
    assert len(server.requests_to(Endpoint.CHAT)) == 2


@pytest.mark.parametrize(
    "header", [("retry-after-ms", str(1000 * REST)), ("retry-after", str(REST))], ids=lambda header: header[0]
)
async def test_everybody_waits_as_long_as_the_server_asks(
    server: LoopbackOpenAI, header: tuple[str, str]
) -> None:
    server.fail(Endpoint.CHAT, Refusal(429, "rate_limit_exceeded", "Slow down.", (header,)))
    async with connected(server.url, openai_max_concurrency=1) as client:
        calls = [asyncio.create_task(ask(client)) for _ in range(3)]
        started = time.monotonic()
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        assert time.monotonic() - started >= REST
        await asyncio.gather(*calls)
    assert len(server.requests_to(Endpoint.CHAT)) == 4


async def test_a_used_up_limit_is_heeded_before_it_is_passed(server: LoopbackOpenAI) -> None:
    used_up = (("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1m0s"))
    server.fail(Endpoint.CHAT, Refusal(400, "invalid_value", "No.", used_up))
    async with connected(server.url, openai_retry_seconds=1) as client:
        await problem_of(client)
        problem = await problem_of(client)
    assert problem.code is ErrorCode.ENGINE_RATE_LIMITED
    assert problem.details["retry_after"] == pytest.approx(60, abs=1)
    assert len(server.requests_to(Endpoint.CHAT)) == 1


@pytest.mark.parametrize("fault", [faults.RATE_LIMITED, faults.Delay(1)], ids=["429", "timeout"])
async def test_fewer_at_once_while_the_server_cannot_stand_more(fault: Fault) -> None:
    settings = {"openai_max_concurrency": 8, "openai_max_retries": 3, "openai_timeout_seconds": 0.5}
    with LoopbackOpenAI(latency={Endpoint.CHAT: 0.05}) as server:
        async with connected(server.url, **settings) as client:
            server.fail(Endpoint.CHAT, fault, times=8)
            await asyncio.gather(*(ask(client) for _ in range(8)))
            server.forget()
            await asyncio.gather(*(ask(client) for _ in range(8)))
    assert server.most_at_once < 8


async def test_tokens_are_counted_as_the_server_counts_them(server: LoopbackOpenAI) -> None:
    server.fail(
        Endpoint.CHAT, Body(json.dumps({"choices": [], "usage": {"total_tokens": 20}}).encode()), times=3
    )
    async with connected(server.url, openai_tokens_per_minute=100) as client:
        await ask(client, tokens=70)
        await ask(client, tokens=70)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(client, tokens=70), REST)


async def test_who_waits_for_a_retry_leaves_their_place_to_others(server: LoopbackOpenAI) -> None:
    server.fail(Endpoint.CHAT, faults.CONNECTION_RESET)
    async with connected(server.url, openai_max_concurrency=1) as client:
        unlucky, other = asyncio.create_task(ask(client)), asyncio.create_task(ask(client))
        await asyncio.wait([unlucky, other], return_when=asyncio.FIRST_COMPLETED)
        assert (other.done(), unlucky.done()) == (True, False)
        await unlucky
