"""The units of a job, gone through by several processes at once."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from app.core.concurrency import all_of
from app.core.work import current_work

U = TypeVar("U")
T = TypeVar("T")

COMING_BACK_SECONDS = 0.3

_has_others: ContextVar[bool] = ContextVar("has_others", default=False)


class MadeElsewhere(Exception):
    """Another process is at work on the unit."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """Of the unit at `index`, not to be looked at before that `time.monotonic`."""

    index: int
    not_before: float = 0.0


async def each_of(units: Sequence[U], do: Callable[[U], Awaitable[T]], *, at_once: int) -> list[T]:
    """The results in the order of the units, of which so many are under way `at_once`.

    The process that has the job takes them from the front, each assistant from another place. A unit that is
    `MadeElsewhere` comes last: `do` is called again for it. The first failure cancels the others and is
    raised as it is.
    """
    line = deque(_Turn(index) for index in _order(len(units)))
    results: dict[int, T] = {}

    async def work() -> None:
        _has_others.set(True)
        while line:
            turn = line.popleft()
            await asyncio.sleep(turn.not_before - time.monotonic())
            try:
                results[turn.index] = await do(units[turn.index])
            except MadeElsewhere:
                line.append(_Turn(turn.index, time.monotonic() + COMING_BACK_SECONDS))

    await all_of(work() for _ in range(min(at_once, len(units))))
    return [results[index] for index in range(len(units))]


async def whenever_free(do: Callable[[], Awaitable[T]]) -> T:
    """The result of one unit beside others that are not all known yet. It is tried again and again while it
    is `MadeElsewhere`, so that nobody waits in the place of another unit meanwhile."""
    _has_others.set(True)
    while True:
        try:
            return await do()
        except MadeElsewhere:
            await asyncio.sleep(COMING_BACK_SECONDS)


def has_others() -> bool:
    """Whether the running code has other units to turn to while one is made elsewhere."""
    return _has_others.get()


def _order(count: int) -> list[int]:
    work = current_work()
    first = int(count * _place(work.assistant if work else 0))
    return [*range(first, count), *range(first)]


def _place(number: int) -> float:
    """0, 1/2, 1/4, 3/4, 1/8 and so on: even distances, however many there are."""
    place, step = 0.0, 0.5
    while number:
        place += step * (number % 2)
        number, step = number // 2, step / 2
    return place
