"""What the calls inside a piece of work come to, for those who keep or show its result."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Meter:
    """US dollars so far; None once a call had no known price."""

    cost: float | None = 0.0

    def add(self, cost: float | None) -> None:
        self.cost = None if cost is None or self.cost is None else self.cost + cost


_meters: ContextVar[tuple[Meter, ...]] = ContextVar("meters", default=())


@contextmanager
def metered() -> Iterator[Meter]:
    """Adds up the calls of the block and of what it starts; blocks may be nested."""
    meter = Meter()
    token = _meters.set((*_meters.get(), meter))
    try:
        yield meter
    finally:
        _meters.reset(token)


def charge(cost: float | None) -> None:
    """A call has come to so many US dollars, None where its price is not known."""
    for meter in _meters.get():
        meter.add(cost)
