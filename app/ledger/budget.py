"""A limit on what the calls of a task come to, kept while many of them are under way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from app.core.concurrency import seen_through
from app.core.errors import ErrorCode, Problem

# Sums of floats: a limit of three calls is not passed by the third.
_ROUNDING = 1e-9


class Budget:
    """What is `spent` by the book and what calls under way are expected to cost stay within the limit.

    A call that fits only once others turn out cheaper than expected waits for them, and none is refused
    while others are under way: what is paid for comes in first.
    """

    def __init__(self, spent: Callable[[], Awaitable[float]]) -> None:
        self._spent = spent
        self._reserved: list[float] = []
        self._settled = asyncio.Condition()

    @asynccontextmanager
    async def reserved(self, cost: float, limit: float) -> AsyncIterator[None]:
        """Around one call that is expected to cost so many US dollars.

        Raises `Problem(COST_LIMIT_REACHED)`.
        """
        await self._reserve(cost, limit)
        try:
            yield
        finally:
            await seen_through(self._release(cost))

    async def _reserve(self, cost: float, limit: float) -> None:
        async with self._settled:
            while True:
                spent = await self._spent()
                if spent + sum(self._reserved) + cost <= limit + _ROUNDING:
                    self._reserved.append(cost)
                    return
                if not self._reserved:
                    raise Problem(
                        ErrorCode.COST_LIMIT_REACHED,
                        limit=_dollars(limit),
                        spent=_dollars(spent),
                        unit=_dollars(cost),
                    )
                await self._settled.wait()

    async def _release(self, cost: float) -> None:
        async with self._settled:
            self._reserved.remove(cost)
            self._settled.notify_all()


def _dollars(amount: float) -> str:
    """Four significant digits: a line may cost a thousandth of a cent."""
    return f"{amount:.4g}" if amount < 1 else f"{amount:.2f}"
