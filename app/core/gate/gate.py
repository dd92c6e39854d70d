"""Gate: the way to one engine with one key, for everybody who calls it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from app.core.concurrency import seen_through
from app.core.gate.allowance import Allowance, Expense
from app.core.gate.line import FairLine, Place, Waiting
from app.core.gate.window import Window
from app.core.work import current_work

# A header that is out of all reason must not shut an engine off for good.
LONGEST_REST = 3600.0
OUTSIDE_JOBS = ""


@dataclass(frozen=True, slots=True)
class GateLimits:
    """`concurrency` is the most calls at once. None is no limit. Nobody waits longer than `patience` seconds
    for an engine that wants to be left alone."""

    concurrency: int
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    patience: float = 120.0


class GateShut(Exception):
    """The engine wants to be left alone for so many `seconds`, which is longer than anybody waits."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Passage:
    """A call that was let in. It tells how it fared, from which the gate learns."""

    window: Window
    age: int
    allowance: Allowance
    expense: Expense

    def succeeded(self, tokens: int | None = None) -> None:
        """With the tokens that it came to, where the engine told."""
        self.window.widen()
        if tokens is not None:
            self.allowance.correct(self.expense, tokens)

    def congested(self) -> None:
        """The engine refused for too many requests, or did not answer in time."""
        self.window.halve(self.age)


class Minutes(Protocol):
    """The limits per minute, kept with others who have the same key."""

    async def spend(self, tokens: int) -> int | None:
        """Returns once one more call may begin, with what it is known by, None if nobody keeps it."""
        ...

    async def correct(self, spent: int, tokens: int) -> None:
        """It took so many tokens more than was expected, or fewer."""
        ...


class Gate:
    """Lets in as many at once as the engine stands, in fair turns, within its limits per minute, and nobody
    while it wants to be left alone. Whoever is let in waits inside until the limits `together` with others
    allow it.

    Calls of projects take turns, and in a project those of its videos; calls outside jobs are a project of
    their own.
    """

    def __init__(self, limits: GateLimits, together: Minutes | None = None) -> None:
        self._together = together
        self._patience = limits.patience
        self._window = Window(limits.concurrency)
        self._requests = Allowance(limits.requests_per_minute)
        self._tokens = Allowance(limits.tokens_per_minute)
        self._line = FairLine()
        self._numbers = count()
        self._inside = 0
        self._open_at = 0.0
        self._next_look: asyncio.TimerHandle | None = None

    def place(self, tokens: int = 0) -> Place:
        """For one call, which is expected to take so many tokens, and all its attempts."""
        work, number = current_work(), next(self._numbers)
        if work is None:
            return Place(OUTSIDE_JOBS, OUTSIDE_JOBS, 0, number, tokens)
        return Place(work.project_id or OUTSIDE_JOBS, work.video_id, work.priority, number, tokens)

    @asynccontextmanager
    async def passing(self, place: Place) -> AsyncIterator[Passage]:
        """Inside while the block runs. Raises `GateShut`."""
        waiting = Waiting(place, asyncio.get_running_loop().create_future())
        self._line.join(waiting)
        self._admit()
        try:
            expense = await waiting.turn
        except asyncio.CancelledError:
            if _was_let_in(waiting):  # at that very moment
                self._leave()
            raise
        try:
            async with self._counted(place.tokens, expense):
                yield Passage(self._window, self._window.age, self._tokens, expense)
        finally:
            self._leave()

    @asynccontextmanager
    async def _counted(self, tokens: int, expense: Expense) -> AsyncIterator[None]:
        if self._together is None:
            yield
            return
        spent = await self._together.spend(tokens)
        try:
            yield
        finally:
            if spent is not None and expense.amount != tokens:
                await seen_through(self._together.correct(spent, expense.amount - tokens))

    def rest(self, seconds: float) -> None:
        """The engine wants to be left alone for so long."""
        self._open_at = max(self._open_at, time.monotonic() + min(seconds, LONGEST_REST))
        self._admit()

    def _leave(self) -> None:
        self._inside -= 1
        self._admit()

    def _admit(self) -> None:
        now = time.monotonic()
        if self._open_at - now > self._patience:
            for waiting in self._line.dissolve():
                waiting.turn.set_exception(GateShut(self._open_at - now))
        while self._inside < self._window.size and (first := self._line.first()) is not None:
            delay = self._delay(first.place, now)
            if delay > 0:
                self._look_again(delay)
                return
            self._line.advance()
            self._inside += 1
            self._requests.spend(1, now)
            first.turn.set_result(self._tokens.spend(first.place.tokens, now))

    def _delay(self, place: Place, now: float) -> float:
        return max(self._open_at - now, self._requests.delay(1, now), self._tokens.delay(place.tokens, now))

    def _look_again(self, delay: float) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
        self._next_look = asyncio.get_running_loop().call_later(delay, self._admit)


def _was_let_in(waiting: Waiting) -> bool:
    turn = waiting.turn
    return not turn.cancelled() and turn.done() and turn.exception() is None
