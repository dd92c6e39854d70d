"""Work side by side, and work that is seen through."""

import asyncio

import pytest

from app.core.concurrency import all_of, seen_through
from app.core.errors import ErrorCode, Problem


async def answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def test_results_keep_their_order() -> None:
    assert await all_of(answer(value) for value in range(5)) == list(range(5))


async def test_a_failure_is_raised_as_it_is_and_ends_the_others() -> None:
    ended = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def failing() -> None:
        await asyncio.sleep(0)
        raise Problem(ErrorCode.ENGINE_QUOTA)

    with pytest.raises(Problem) as caught:
        await all_of([endless(), failing()])
    assert caught.value.code is ErrorCode.ENGINE_QUOTA
    assert ended.is_set()


async def test_a_cancellation_waits_for_what_is_seen_through() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def store() -> str:
        begun.set()
        await go_on.wait()
        done.append("stored")
        return "stored"

    async def work() -> None:
        done.append(await seen_through(store()) + " and known")
        await seen_through(answer(1))
        await asyncio.sleep(0)
        done.append("too late")

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["stored", "stored and known"]


async def test_what_is_seen_through_fails_as_it_is() -> None:
    async def failing() -> None:
        raise Problem(ErrorCode.STORAGE_FULL)

    with pytest.raises(Problem):
        await seen_through(failing())
