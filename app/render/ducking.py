"""How loud the original is under a dub: turned down under speech, untouched between lines."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

FALL_SECONDS = 0.15
RISE_SECONDS = 0.3
# The original would be heard for so short a time that it only seems to pump.
SHORTEST_RETURN = 0.7
FAILED_LINE_RAMP = 0.05
RAMPS_SECONDS = max(FALL_SECONDS, RISE_SECONDS)

_start, _end = attrgetter("start"), attrgetter("end")

Gains = NDArray[np.float64]
Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` to `end`, in seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class DubbedLine:
    """Where a line's original is spoken (`slot`), and where its dub is (`spoken`), None if it has none."""

    slot: Span
    spoken: Span | None


@dataclass(frozen=True, slots=True)
class Ducking:
    """The original's gain over time: `volume` in the spans that are `ducked`, 1 in those that are `kept` and
    everywhere else; `volume` everywhere else if it is `flat`. Spans are in order and do not touch."""

    volume: float
    ducked: tuple[Span, ...]
    kept: tuple[Span, ...]
    flat: bool = False

    def gains(self, times: Times) -> Gains:
        """The gain at each time in seconds."""
        if self.flat:
            lowered = np.full(np.shape(times), self.volume)
        else:
            lowered = 1 - (1 - self.volume) * _trapezoids(times, self.ducked, FALL_SECONDS, RISE_SECONDS)
        whole = _trapezoids(times, self.kept, FAILED_LINE_RAMP, FAILED_LINE_RAMP)
        gains: Gains = np.maximum(lowered, self.volume + (1 - self.volume) * whole)
        return gains

    def between(self, start: float, end: float) -> "Ducking":
        """What there is to know of it from `start` to `end`, and nothing else."""
        return Ducking(self.volume, _near(self.ducked, start, end), _near(self.kept, start, end), self.flat)


def plan_ducking(lines: Sequence[DubbedLine], volume: float, *, flat: bool) -> Ducking:
    """A line without a dub keeps its original at full volume. `volume` from 0 to 1; `flat` turns the original
    down between the lines too."""
    spoken = [line for line in lines if line.spoken is not None]
    under = [span for line in spoken for span in (line.slot, line.spoken) if span is not None]
    kept = _joined((line.slot for line in lines if line.spoken is None), 2 * FAILED_LINE_RAMP)
    return Ducking(volume, () if flat else _joined(under, SHORTEST_RETURN), kept, flat)


def _joined(spans: Iterable[Span], shortest_gap: float) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start - joined[-1].end <= shortest_gap:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def _near(spans: Sequence[Span], start: float, end: float) -> tuple[Span, ...]:
    """The spans with a ramp in sight; what is out of sight of them does not matter."""
    first, last = start - 2 * RAMPS_SECONDS, end + 2 * RAMPS_SECONDS
    near = spans[bisect_right(spans, first, key=_end) : bisect_left(spans, last, key=_start)]
    return tuple(Span(max(span.start, first), min(span.end, last)) for span in near)


def _trapezoids(times: Times, spans: Sequence[Span], before: float, after: float) -> Gains:
    """1 in the spans and 0 elsewhere, with a ramp before and one after each."""
    if not spans:
        return np.zeros(np.shape(times))
    around = [(span.start - before, span.start, span.end, span.end + after) for span in spans]
    corners = np.maximum.accumulate(np.ravel(around))
    shape: Gains = np.interp(times, corners, np.tile((0.0, 1.0, 1.0, 0.0), len(spans)))
    return shape
