"""Those who wait, served in turns."""

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from app.core.gate.allowance import Expense


@dataclass(frozen=True, slots=True)
class Place:
    """A call's place in the line, which it keeps through all its attempts; `tokens` as far as is known."""

    project: str
    video: str
    priority: int
    number: int
    tokens: int

    def __lt__(self, other: "Place") -> bool:
        return (-self.priority, self.number) < (-other.priority, other.number)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody whose `turn` lets them in, or sends them away; if it is cancelled they have gone."""

    place: Place
    turn: asyncio.Future[Expense]

    def __lt__(self, other: "Waiting") -> bool:
        return self.place < other.place


class Line(Protocol):
    """Some of those who wait."""

    def join(self, waiting: Waiting) -> None: ...

    def first(self) -> Waiting | None:
        """Whose turn it is; None if nobody waits any more."""
        ...

    def advance(self) -> None:
        """The first has had their turn."""
        ...


class _Queue:
    """The higher priority comes first, then who came first."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    def join(self, waiting: Waiting) -> None:
        heapq.heappush(self._waiting, waiting)

    def first(self) -> Waiting | None:
        while self._waiting and self._waiting[0].turn.done():
            heapq.heappop(self._waiting)
        return self._waiting[0] if self._waiting else None

    def advance(self) -> None:
        heapq.heappop(self._waiting)


class _Turns:
    """One of each line after another; a `share` has a line of its own."""

    def __init__(self, share: Callable[[Place], str], new_line: Callable[[], Line]) -> None:
        self._share = share
        self._new_line = new_line
        self._lines: OrderedDict[str, Line] = OrderedDict()

    def join(self, waiting: Waiting) -> None:
        share = self._share(waiting.place)
        if share not in self._lines:
            self._lines[share] = self._new_line()
        self._lines[share].join(waiting)

    def first(self) -> Waiting | None:
        while self._lines:
            share, line = next(iter(self._lines.items()))
            if (first := line.first()) is not None:
                return first
            del self._lines[share]
        return None

    def advance(self) -> None:
        """Every other line is served before that of the first again."""
        share, line = self._lines.popitem(last=False)
        line.advance()
        if line.first() is not None:
            self._lines[share] = line


class FairLine(_Turns):
    """One of each project after another, and in a project one of each video."""

    def __init__(self) -> None:
        super().__init__(lambda place: place.project, _turns_of_videos)

    def dissolve(self) -> Iterator[Waiting]:
        """Everybody, in turn; nobody waits any more."""
        while (first := self.first()) is not None:
            self.advance()
            yield first


def _turns_of_videos() -> Line:
    return _Turns(lambda place: place.video, _Queue)
