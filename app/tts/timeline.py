"""Where and how fast each line of a dub is spoken, so that it stays in sync with the picture."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

_TICKS_PER_SECOND = 1_000_000
_TIGHT_GAP_SECONDS = 0.02
# A voice that leads the lips is noticed far sooner than one that follows (ITU-R BT.1359: 90 and 185 ms).
_EARLIEST_SECONDS = 0.08
# From the soft speed to the highest.
_STEPS = 5


@dataclass(frozen=True, slots=True)
class Slot:
    """When a subtitle is shown, in seconds."""

    id: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class TimingLimits:
    """What may be done to a line so that it fits.

    Up to `soft_speed` nobody minds; `max_speed` is for what does not fit otherwise. A crowded passage may be
    spread by starting lines up to `max_shift` seconds late (0.08 s early at most). `min_gap` seconds between
    two lines give way before any start is moved.
    """

    soft_speed: float = 1.2
    max_speed: float = 1.3
    max_shift: float = 0.3
    min_gap: float = 0.05


@dataclass(frozen=True, slots=True)
class Placement:
    """A spoken line on the dub's clock; everything but `speed` in seconds, exact to the microsecond.

    `duration` is that of the speech at `speed` (1 is as the voice spoke it). `moved` is how much later
    than its subtitle it starts (negative: earlier), `borrowed` how far it runs into the silence
    after its subtitle, and `overflow` how far it runs past all it may have: the next subtitle's start and
    the shift that this one may be given, or the end of the video.
    """

    id: int
    start: float
    speed: float
    duration: float
    overflow: float
    borrowed: float
    moved: float

    @property
    def end(self) -> float:
        return self.start + self.duration


def plan_timeline(
    slots: Sequence[Slot],
    lengths: Sequence[float],
    *,
    video_duration: float,
    limits: TimingLimits | None = None,
    kept: Mapping[int, Placement] | None = None,
) -> tuple[Placement, ...]:
    """Place each slot's speech, `lengths[i]` seconds long at natural speed; slots in order of start.

    A line starts with its subtitle and runs into the silence after it, up to `min_gap` before the next;
    if it is longer it is sped up to the soft speed. Where that is not enough, the gap gives way, and
    then the passage is spread: its lines are sped up to the soft speed together and start as little off
    their subtitles as they can, in the least squares. If one would be moved further than it may, the
    whole passage goes up to the highest speed. What is still too long delays what follows, which is
    reported as overflow. Nothing overlaps, is cut off or slowed.

    The lines `kept` (by id) stay exactly where they are, unless the others do not fit between them: then
    as few neighbours as it takes are placed anew.
    """
    limits = limits or TimingLimits()
    lines = _lines(slots, lengths, limits, _ticks(video_duration))
    pinned = {index: kept[slot.id] for index, slot in enumerate(slots) if kept and slot.id in kept}
    for run in _free_runs(lines, pinned, limits, _ticks(video_duration)):
        _relax(run)
    placed = [_placement(line, limits) for line in lines]
    return tuple(pinned.get(index, placement) for index, placement in enumerate(placed))


def room(slots: Sequence[Slot], index: int, *, video_duration: float, limits: TimingLimits) -> float:
    """How many seconds the line may last at the voice's own pace, to be spoken at the soft speed from its
    subtitle's start without moving anybody."""
    following = slots[index + 1].start - _TIGHT_GAP_SECONDS if index + 1 < len(slots) else video_duration
    until = min(following, video_duration)
    return max(0.0, until - slots[index].start) * min(limits.soft_speed, limits.max_speed)


@dataclass(slots=True)
class _Line:
    """A line being placed, in whole ticks so that windows add up exactly.

    `space` is what lies between its subtitle's start and the next one's, or the end of the video, and
    `allowed` where it must have ended. `durations` are what it takes with growing effort: at the soft
    speed first, at the highest last; without any it has its space to itself.
    """

    slot: Slot
    length: float
    wanted: int
    space: int
    allowed: int
    natural: int
    durations: Sequence[int]
    gaps: tuple[int, int]
    effort: int = 0
    start: int = 0
    duration: int = 0

    @property
    def end(self) -> int:
        return self.start + self.duration

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
class _Window:
    """Where a run of lines has to find its place, in ticks."""

    floor: int
    ceiling: int
    earliest: int
    latest: int

    def allows(self, line: _Line) -> bool:
        return -self.earliest <= line.moved <= self.latest and line.end <= self.ceiling


@dataclass(slots=True)
class _Run:
    """Consecutive lines, the window they were placed in, and whether they found room."""

    lines: Sequence[_Line]
    window: _Window
    fits: bool = False


def _free_runs(
    lines: Sequence[_Line], pinned: dict[int, Placement], limits: TimingLimits, video_end: int
) -> list[_Run]:
    """Places all lines that are not pinned; unpins the neighbours of those that find no room."""
    for index, placement in pinned.items():
        lines[index].start, lines[index].duration = _ticks(placement.start), _ticks(placement.duration)
    while True:
        runs = [(span, _placed_run(lines, span, limits, video_end)) for span in _gaps(len(lines), pinned)]
        beside = {edge for span, run in runs if not run.fits for edge in (span.start - 1, span.stop)}
        in_the_way = beside & pinned.keys()
        if not in_the_way:
            return [run for _, run in runs]
        for index in in_the_way:
            del pinned[index]


def _gaps(count: int, pinned: Mapping[int, Placement]) -> Iterator[range]:
    """The stretches of indexes between the pinned ones."""
    edges = [-1, *sorted(pinned), count]
    return (range(before + 1, after) for before, after in pairwise(edges) if after - before > 1)


def _placed_run(lines: Sequence[_Line], span: range, limits: TimingLimits, video_end: int) -> _Run:
    gap = _ticks(_TIGHT_GAP_SECONDS)
    window = _Window(
        floor=lines[span.start - 1].end + gap if span.start else 0,
        ceiling=lines[span.stop].start - gap if span.stop < len(lines) else video_end,
        earliest=_ticks(min(_EARLIEST_SECONDS, limits.max_shift)),
        latest=_ticks(limits.max_shift),
    )
    run = _Run(lines[span.start : span.stop], window)
    _spread(run)
    run.fits = all(window.allows(line) for line in run.lines)
    return run


def _spread(run: _Run) -> None:
    """Place the run with as little effort as it takes, passage by passage."""
    for line in run.lines:
        line.effort = 0
    while True:
        for line in run.lines:
            line.settle()
        _place(run)
        harder = _harder(run, _is_free_of) or _harder(run, _is_apart_from)
        if not harder:
            return
        for line in harder:
            line.effort += 1


def _harder(run: _Run, parted: "_Parted") -> list[_Line]:
    return [line for passage in _passages(run.lines, parted) for line in _wanting(passage, run.window)]


def _wanting(passage: Sequence[_Line], window: _Window) -> list[_Line]:
    """The lines that have to hurry more: to the soft speed if any was moved, beyond it if one was too far."""
    if all(line.moved == 0 and line.end <= window.ceiling for line in passage):
        return []
    most = 1 if all(window.allows(line) for line in passage) else len(passage[0].durations)
    least = min(line.effort for line in passage)
    return [line for line in passage if line.effort == least < most]


_Parted = Callable[[_Line, _Line], bool]


def _passages(lines: Sequence[_Line], parted: _Parted) -> Iterator[list[_Line]]:
    """Lines that are in each other's way."""
    passage: list[_Line] = []
    for line in lines:
        if passage and parted(passage[-1], line):
            yield passage
            passage = []
        passage.append(line)
    if passage:
        yield passage


def _is_apart_from(before: _Line, line: _Line) -> bool:
    return line.start > before.end + before.gap


def _is_free_of(before: _Line, line: _Line) -> bool:
    """Whether the line before does not keep it from its place: it is there, or there is room for it."""
    return line.moved == 0 or _is_apart_from(before, line)


def _place(run: _Run) -> None:
    """Starts that keep the lines apart and are nearest to the subtitles' in the least squares.

    With the time that the lines before take subtracted, starts must not fall: an isotonic regression,
    solved by pooling adjacent violators.
    """
    taken = [0]
    for line in run.lines:
        taken.append(taken[-1] + line.duration + line.gap)
    wanted = [line.wanted - before for line, before in zip(run.lines, taken, strict=False)]
    last = taken[-1] - run.lines[-1].gap
    lowest, highest = run.window.floor, run.window.ceiling - last
    bound = lowest
    for line, want, level, before in zip(run.lines, wanted, _isotonic(wanted), taken, strict=False):
        bound = max(bound, want - run.window.earliest)
        line.start = before + max(lowest, min(highest, max(level, bound)))


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


def _relax(run: _Run) -> None:
    """Where starts are settled, each line takes the time there is, and the comfortable gap if it can."""
    for line, following in zip_longest(run.lines, run.lines[1:]):
        comfortable, tight = line.gaps if following else (0, 0)
        space = (following.start if following else run.window.ceiling) - line.start
        wanted = min(max(line.durations[0], space - comfortable), space - tight)
        line.duration = min(line.natural, max(line.duration, wanted))


def _ticks(seconds: float) -> int:
    return round(seconds * _TICKS_PER_SECOND)


def _seconds(ticks: int) -> float:
    return ticks / _TICKS_PER_SECOND


def _sped_up(length: float, speed: float) -> int:
    """Rounded up, so that the speed is never more than asked for."""
    return math.ceil(length * _TICKS_PER_SECOND / speed)


def _lines(
    slots: Sequence[Slot], lengths: Sequence[float], limits: TimingLimits, video_end: int
) -> list[_Line]:
    soft = min(limits.soft_speed, limits.max_speed)
    speeds = [soft + (limits.max_speed - soft) * step / _STEPS for step in range(_STEPS + 1)]
    shift = _ticks(limits.max_shift)
    ends = [*(min(_ticks(slot.start), video_end) for slot in slots), video_end][1:]
    return [
        _Line(
            slot=slot,
            length=length,
            wanted=_ticks(slot.start),
            space=max(0, end - _ticks(slot.start)),
            allowed=min(end + shift, video_end),
            natural=_sped_up(length, 1.0),
            durations=[_sped_up(length, speed) for speed in speeds],
            gaps=(_ticks(limits.min_gap), _ticks(min(limits.min_gap, _TIGHT_GAP_SECONDS))),
        )
        for slot, length, end in zip(slots, lengths, ends, strict=True)
    ]


def _placement(line: _Line, limits: TimingLimits) -> Placement:
    speed = max(1.0, line.length * _TICKS_PER_SECOND / line.duration) if line.duration else 1.0
    return Placement(
        id=line.slot.id,
        start=_seconds(line.start),
        speed=min(limits.max_speed, speed),
        duration=_seconds(line.duration),
        overflow=_seconds(max(0, line.end - line.allowed)),
        borrowed=_seconds(max(0, min(line.end, line.wanted + line.space) - _ticks(line.slot.end))),
        moved=_seconds(line.moved),
    )
