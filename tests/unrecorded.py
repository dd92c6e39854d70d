"""A ledger for engines that work for nobody's account."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.ledger.usage import Spending, Usage


class Unrecorded:
    """A `UsageRecorder` that keeps nothing."""

    @asynccontextmanager
    async def spending(self, expected: Usage) -> AsyncIterator[Spending]:
        yield self

    async def settle(self, used: Usage) -> None:
        """Nothing is kept."""


UNRECORDED = Unrecorded()
