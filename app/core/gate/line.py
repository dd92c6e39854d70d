"""Those who wait, served in turns."""

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from app.core.gate.allowance import Expense


@dataclass(frozen=True, slots=True)
class Place:
    """A call's place in the line, which it keeps through all its attempts; `tokens` as far as is known."""

    share: str
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


class FairLine:
    """One of each share after another. In a share the higher priority comes first, then who came first."""

    def __init__(self) -> None:
        self._shares: OrderedDict[str, list[Waiting]] = OrderedDict()

    def join(self, waiting: Waiting) -> None:
        heapq.heappush(self._shares.setdefault(waiting.place.share, []), waiting)

    def first(self) -> Waiting | None:
        """Whose turn it is."""
        while self._shares:
            share, line = next(iter(self._shares.items()))
            while line and line[0].turn.done():
                heapq.heappop(line)
            if line:
                return line[0]
            del self._shares[share]
        return None

    def advance(self) -> None:
        """The first has had their turn: every other share that waits is served before theirs again."""
        share, line = self._shares.popitem(last=False)
        heapq.heappop(line)
        if line:
            self._shares[share] = line

    def dissolve(self) -> Iterator[Waiting]:
        """Everybody, in turn; nobody waits any more."""
        while (first := self.first()) is not None:
            self.advance()
            yield first
