"""Work side by side, and work that is seen through."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")
Item = TypeVar("Item")

logger = logging.getLogger(__name__)


async def all_of(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order. The first failure cancels the others and is raised as it is, not in a group."""
    async with side_by_side() as group:
        tasks = [group.create_task(coroutine) for coroutine in coroutines]
    return [task.result() for task in tasks]


async def one_ahead(
    make: Callable[[Item], Coroutine[Any, Any, T]], items: Iterable[Item]
) -> AsyncGenerator[T, None]:
    """What is made of each item, in order; the next is being made while one is used."""
    under_way: asyncio.Task[T] | None = None
    try:
        for item in items:
            following = asyncio.create_task(make(item))
            ready, under_way = under_way, following
            if ready is not None:
                yield await ready
        if under_way is not None:
            yield await under_way
    finally:
        if under_way is not None:
            under_way.cancel()


@asynccontextmanager
async def side_by_side() -> AsyncIterator[asyncio.TaskGroup]:
    """For tasks beside what is done in the block; all have ended when it is left. The first failure, be it a
    task's or the block's, cancels the others and is raised as it is, not in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Goes on beside the block, which can do without it, and is cancelled where that ends. A failure of it
    is only logged."""
    task = asyncio.create_task(work)
    task.add_done_callback(_log_failure)
    try:
        yield
    finally:
        await stopped(task)


def _log_failure(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.warning("%s failed: %r", task.get_coro(), error)


async def stopped(task: "asyncio.Task[Any] | None") -> None:
    """Cancels what goes on in the background, if it was begun, and waits for its end, whatever that is."""
    if task is not None:
        task.cancel()
        await asyncio.wait([task])


async def seen_through(work: Coroutine[Any, Any, T]) -> T:
    """The result of short work that a cancellation must not undo, such as storing an answer that was paid
    for. A cancellation that comes meanwhile takes effect at the next await after it."""
    task = asyncio.create_task(work)
    postponed = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            postponed = True
    current = asyncio.current_task()
    if postponed and current is not None:
        current.cancel()
    return task.result()
