"""Work that goes on beside other work."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from app.core.concurrency import meanwhile


async def forever() -> None:
    await asyncio.Event().wait()


async def failing() -> None:
    raise OSError("of no consequence")


async def holding_on() -> None:
    """Takes its time to end when it is cancelled."""
    try:
        await forever()
    finally:
        await asyncio.sleep(0)


@pytest.mark.parametrize("work", [forever, failing])
async def test_what_fails_meanwhile_is_only_logged(
    work: Callable[[], Coroutine[None, None, None]], caplog: pytest.LogCaptureFixture
) -> None:
    async with meanwhile(work()):
        await asyncio.sleep(0)
    assert ("of no consequence" in caplog.text) == (work is failing)


@pytest.mark.parametrize("work", [forever, failing])
async def test_a_failure_of_the_block_stays_what_it_is(
    work: Callable[[], Coroutine[None, None, None]],
) -> None:
    with pytest.raises(ValueError, match="the block's"):
        async with meanwhile(work()):
            await asyncio.sleep(0)
            raise ValueError("the block's")


@pytest.mark.parametrize("work", [failing, holding_on])
async def test_a_cancellation_is_not_lost(work: Callable[[], Coroutine[None, None, None]]) -> None:
    left = asyncio.Event()

    async def block() -> None:
        async with meanwhile(work()):
            await asyncio.sleep(0)
            left.set()
        await forever()

    task = asyncio.create_task(block())
    await left.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
