"""Counting requests, in this process or in a Redis that several machines share."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from starlette.types import Scope

from app.core.settings import IN_MEMORY

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.aio.strategies import RateLimiter as Strategy
    from redis.asyncio import ConnectionPool

# An answer that takes longer costs more than the count is worth.
REDIS_SECONDS = 0.5

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `quota` requests in a window, for each key that `key_of` makes of a request; it concerns
    those for which there is one."""

    name: str
    quota: "RateLimitItem"
    key_of: Callable[[Scope], str | None]

    @property
    def amount(self) -> int:
        """Requests in a window."""
        return self.quota.amount

    @property
    def window(self) -> int:
        """Seconds."""
        return self.quota.get_expiry()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands with a rule after a request: whether it was `allowed`, how many more are in
    this window, and after how many seconds there are more."""

    rule: Rule
    allowed: bool
    remaining: int
    seconds: int


class RateCounter:
    """Counts by a sliding window. While the shared Redis does not answer, each process counts for itself.

    `storage` is `memory://` or the URL of a Redis.
    """

    def __init__(self, storage: str) -> None:
        self._own = _strategy(IN_MEMORY)
        self._pool = None if storage == IN_MEMORY else _connections(storage)
        self._shared = _strategy(storage, connection_pool=self._pool) if self._pool else None
        self._shared_failed = False

    async def aclose(self) -> None:
        """Leaves the Redis."""
        if self._pool is not None:
            await self._pool.disconnect()

    async def count(self, rule: Rule, key: str) -> Standing:
        """Counts one request and tells where its caller stands."""
        from limits.errors import StorageError

        if self._shared is not None:
            try:
                standing = await _count(self._shared, rule, key)
            except StorageError as error:
                self._tell(error)
            else:
                self._shared_failed = False
                return standing
        return await _count(self._own, rule, key)

    def _tell(self, error: Exception) -> None:
        """Once for each time that it fails."""
        if not self._shared_failed:
            logger.warning("RATE_LIMIT_STORAGE does not answer, each process counts for itself: %r", error)
        self._shared_failed = True


async def _count(strategy: "Strategy", rule: Rule, key: str) -> Standing:
    allowed = await strategy.hit(rule.quota, rule.name, key)
    reset, remaining = await strategy.get_window_stats(rule.quota, rule.name, key)
    seconds = max(0.0, reset - time.time())
    if not allowed:
        # At the end of a window its requests still weigh a little: the first place is one share later.
        seconds += rule.window / rule.amount
    return Standing(rule, allowed, remaining, max(1, ceil(seconds)))


def _connections(url: str) -> "ConnectionPool":
    from redis.asyncio import ConnectionPool

    return ConnectionPool.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)


def _strategy(storage: str, **options: "ConnectionPool") -> "Strategy":
    from limits.aio.storage import Storage
    from limits.aio.strategies import SlidingWindowCounterRateLimiter
    from limits.storage import storage_from_string

    found = storage_from_string(
        f"async+{storage}",
        wrap_exceptions=True,
        implementation="redispy",
        **options,  # type: ignore[arg-type]
    )
    if not isinstance(found, Storage):
        raise TypeError(f"{storage} is counted in by blocking calls")
    return SlidingWindowCounterRateLimiter(found)
