"""Lines that crowd each other: spoken faster and moved, all together and as little as it takes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest


@dataclass(slots=True)
class PlacedLine:
    """A line being placed, in whole ticks so that windows add up exactly.

    `space` is what lies between its subtitle's start and the next one's, or the end of the video, and
    `allowed` where it must have ended. `durations` are what it takes with growing effort: at the soft
    speed first, at the highest last; without any it has its space to itself. `taken` is what it has of the
    time of the lines before it, which begin earlier for its sake than they may.
    """

    wanted: int
    space: int
    allowed: int
    natural: int
    durations: Sequence[int]
    gaps: tuple[int, int]
    effort: int = 0
    start: int = 0
    duration: int = 0
    taken: int = 0

    @property
    def end(self) -> int:
        return self.start + self.duration

    @property
    def shortest(self) -> int:
        """What it takes at the highest speed."""
        return min(self.natural, self.durations[-1])

    @property
    def moved(self) -> int:
        return self.start - self.wanted

    @property
    def gap(self) -> int:
        """The comfortable pause after it, which is the first thing to give way."""
        comfortable, tight = self.gaps
        if self.effort == len(self.durations):
            return 0
        return tight if self.effort else comfortable

    def settle(self) -> None:
        """As long as this much effort makes it."""
        own = min(self.natural, max(self.durations[0], self.space - self.gap))
        self.duration = self.durations[self.effort - 1] if self.effort else own


@dataclass(frozen=True, slots=True)
class Window:
    """Where a run of lines has to find its place, in ticks. Nothing may be heard beyond a ceiling that
    `is_firm`."""

    floor: int
    ceiling: int
    earliest: int
    latest: int
    is_firm: bool = True

    def allows(self, line: PlacedLine) -> bool:
        return -self.earliest <= line.moved <= self.latest and line.end <= self.ceiling


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive lines and the window they were placed in."""

    lines: Sequence[PlacedLine]
    window: Window

    @property
    def fits(self) -> bool:
        return self.lines[-1].end <= self.window.ceiling

    @property
    def is_pressed_from_before(self) -> bool:
        """Whether its first passage finds no room and begins as early as it can."""
        passage = next(_passages(self.lines, _is_apart_from))
        cramped = not all(self.window.allows(line) for line in passage)
        return cramped and passage[0].start <= self.window.floor


def spread(run: Run) -> None:
    """Place the run with as little effort as it takes, passage by passage.

    At the ceiling the last line is pulled back into the silence before it. Lines before that begin earlier
    than they may only where that is firm and the last one does not end before it otherwise.
    """
    last = run.lines[-1]
    last.taken = 0
    for line in run.lines:
        line.effort = 0
    _place_with_effort(run, _place_in_bounds)
    beyond = last.end - run.window.ceiling
    if beyond > 0 and run.window.is_firm:
        _place_with_effort(run, _place_by_force)
        last.taken = beyond - max(0, last.end - run.window.ceiling)


def _place_with_effort(run: Run, place: "_Placing") -> None:
    while True:
        for line in run.lines:
            line.settle()
        place(run)
        harder = _harder(run, _is_free_of) or _harder(run, _is_apart_from)
        if not harder:
            return
        for line in harder:
            line.effort += 1


def _harder(run: Run, parted: "_Parted") -> list[PlacedLine]:
    return [line for passage in _passages(run.lines, parted) for line in _wanting(passage, run.window)]


def _wanting(passage: Sequence[PlacedLine], window: Window) -> list[PlacedLine]:
    """The lines that have to hurry more: to the soft speed if any was moved, beyond it if one was too far."""
    if all(line.moved == 0 and line.end <= window.ceiling for line in passage):
        return []
    most = 1 if all(window.allows(line) for line in passage) else len(passage[0].durations)
    least = min(line.effort for line in passage)
    return [line for line in passage if line.effort == least < most]


_Parted = Callable[[PlacedLine, PlacedLine], bool]


def _passages(lines: Sequence[PlacedLine], parted: _Parted) -> Iterator[list[PlacedLine]]:
    """Lines that are in each other's way."""
    passage: list[PlacedLine] = []
    for line in lines:
        if passage and parted(passage[-1], line):
            yield passage
            passage = []
        passage.append(line)
    if passage:
        yield passage


def _is_apart_from(before: PlacedLine, line: PlacedLine) -> bool:
    return line.start > before.end + before.gap


def _is_free_of(before: PlacedLine, line: PlacedLine) -> bool:
    """Whether the line before does not keep it from its place: it is there, or there is room for it."""
    return line.moved == 0 or _is_apart_from(before, line)


_Placing = Callable[[Run], None]


def _place_in_bounds(run: Run) -> None:
    """No line begins earlier than it may but the last, which may end beyond the ceiling."""
    *before_last, _ = _bounds(run)
    _place(run, max(_latest(run), before_last[-1]))


def _place_by_force(run: Run) -> None:
    """The fewest lines are pulled back by the least that has the last one end at the ceiling."""
    _place(run, max(_latest(run), run.window.floor))


def _place(run: Run, latest: int) -> None:
    """Starts that keep the lines apart and are nearest to the subtitles' in the least squares.

    With the time that the lines before take subtracted, starts must not fall: an isotonic regression,
    solved by pooling adjacent violators. None of them is later than `latest`.
    """
    _, *bounds = _bounds(run)
    levels = _isotonic(_wanted(run))
    for line, level, bound, before in zip(run.lines, levels, bounds, _taken(run), strict=False):
        line.start = before + min(latest, max(level, bound))


def _taken(run: Run) -> list[int]:
    """What the lines before each take, and all of them."""
    return list(accumulate((line.duration + line.gap for line in run.lines), initial=0))


def _wanted(run: Run) -> list[int]:
    return [line.wanted - before for line, before in zip(run.lines, _taken(run), strict=False)]


def _bounds(run: Run) -> list[int]:
    """The earliest for a start before which there are no lines, one, and so on."""
    own = (want - run.window.earliest for want in _wanted(run))
    return list(accumulate(own, max, initial=run.window.floor))


def _latest(run: Run) -> int:
    """For a start, so that the last line ends at the ceiling."""
    return run.window.ceiling - _taken(run)[-1] + run.lines[-1].gap


def _isotonic(values: Sequence[int]) -> Iterator[int]:
    """The non-decreasing sequence nearest to the values, rounded down."""
    pools: list[tuple[int, int]] = []  # sum and count
    for value in values:
        total, count = value, 1
        while pools and pools[-1][0] * count >= total * pools[-1][1]:
            before = pools.pop()
            total, count = total + before[0], count + before[1]
        pools.append((total, count))
    return (total // count for total, count in pools for _ in range(count))


def relax(run: Run) -> None:
    """Where starts are settled, each line takes the time there is, and the comfortable gap if it can."""
    for line, following in zip_longest(run.lines, run.lines[1:]):
        comfortable, tight = line.gaps if following else (0, 0)
        space = (following.start if following else run.window.ceiling) - line.start
        wanted = min(max(line.durations[0], space - comfortable), space - tight)
        line.duration = min(line.natural, max(line.duration, wanted))
