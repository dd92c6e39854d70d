"""Lines that stay where they are while others find their place between them, and make room if they must."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from app.tts.spreading import PlacedLine, Run, Window, spread

# A run that finds no room between its neighbours grows by this part of itself.
_GROWTH = 8


@dataclass(frozen=True, slots=True)
class Bounds:
    """In ticks: the tight `gap` between two lines, how much earlier and later than its subtitle a line may
    start, and the end of the video."""

    gap: int
    earliest: int
    latest: int
    video_end: int


@dataclass(frozen=True, slots=True)
class Pinning:
    """All lines, and the indexes of those that have their place.

    The `kept` ones make room only for lines that do not fit between them at the highest speed, and as few
    of them as it takes; the `reserved` ones as soon as others find no room where they may be.
    """

    lines: Sequence[PlacedLine]
    kept: set[int]
    reserved: set[int]
    bounds: Bounds
    _placed: dict[range, Run] = field(default_factory=dict)

    def free_runs(self) -> list[Run]:
        """Places all lines that are not pinned, and unpins those that have to make room."""
        while True:
            runs = {span: self._run(span) for span in self._gaps()}
            giving_way = {index for span, run in runs.items() for index in self._giving_way(span, run)}
            if not giving_way:
                return list(runs.values())
            self.kept.difference_update(giving_way)
            self.reserved.difference_update(giving_way)

    def _gaps(self) -> Iterator[range]:
        """The stretches of indexes between the pinned ones."""
        edges = [-1, *sorted(self.kept | self.reserved), len(self.lines)]
        return (range(before + 1, after) for before, after in pairwise(edges) if after - before > 1)

    def _run(self, span: range) -> Run:
        if span not in self._placed:
            self._placed[span] = self._fitting_run(span)
        return self._placed[span]

    def _fitting_run(self, span: range) -> Run:
        """Where it is tight, without a pause to the lines around it."""
        run = self._spread_run(span, self.bounds.gap)
        return run if run.fits else self._spread_run(span, 0)

    def _spread_run(self, span: range, gap: int) -> Run:
        window = Window(
            floor=self._floor(span.start, gap),
            ceiling=self._ceiling(span.stop, gap),
            earliest=self.bounds.earliest,
            latest=self.bounds.latest,
            is_firm=span.stop not in self.reserved,
        )
        run = Run(self.lines[span.start : span.stop], window)
        spread(run)
        return run

    def _floor(self, start: int, gap: int) -> int:
        """From where there is room for a run that begins with the line of that index."""
        ends = (
            self.lines[index].end + (0 if index in self.reserved else gap)
            for index in self._beside(start - 1, -1)
        )
        return max(ends, default=0)

    def _ceiling(self, stop: int, gap: int) -> int:
        """Up to where there is room for a run that ends before the line of that index."""
        starts = (self.lines[index].start - gap for index in self._beside(stop, 1))
        return min(starts, default=self.bounds.video_end)

    def _beside(self, index: int, step: int) -> Iterator[int]:
        """The line and, beyond a reserved slot, the next that is pinned: a kept one may be heard all over the
        slot of one that has failed since."""
        while 0 <= index < len(self.lines):
            yield index
            beyond = index + step
            if index not in self.reserved or not (beyond in self.reserved or beyond in self.kept):
                return
            index = beyond

    def _giving_way(self, span: range, run: Run) -> list[int]:
        """The neighbours that make room for the run."""
        before, behind = span.start - 1, span.stop
        reserved = [before] if before in self.reserved and run.is_pressed_from_before else []
        if behind in self.reserved and not run.fits:
            reserved.append(behind)
        return reserved if reserved or run.fits else list(self._kept_giving_way(span))

    def _kept_giving_way(self, span: range) -> Iterator[int]:
        """On the side where there is more to gain: one at a time, and more the longer the run has become, so
        that a passage of thousands of lines is not placed thousands of times."""
        step = max(1, len(span) // _GROWTH)
        gains: dict[range, int] = {}
        if span.start - 1 in self.kept:
            gains[range(max(0, span.start - step), span.start)] = self._gain_before(span.start - 1)
        if span.stop in self.kept:
            gains[range(span.stop, span.stop + step)] = self._gain_behind(span.stop)
        most = max(gains.values(), default=0)
        for side, gain in gains.items():
            if gain == most:
                yield from side

    def _gain_before(self, index: int) -> int:
        """How much sooner the line could end within what it may be moved."""
        line = self.lines[index]
        start = max(self._floor(index, 0), line.wanted - self.bounds.earliest)
        return max(0, line.end - start - line.shortest)

    def _gain_behind(self, index: int) -> int:
        """How much later the line could start within what it may be moved."""
        line = self.lines[index]
        latest = min(self._ceiling(index + 1, 0) - line.shortest, line.wanted + self.bounds.latest)
        return max(0, latest - line.start)
