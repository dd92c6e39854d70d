"""Where and how fast each line of a dub is spoken, so that it stays in sync with the picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_TICKS_PER_SECOND = 1_000_000
_BREATH_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Slot:
    """When a subtitle is shown, in seconds."""

    id: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Placement:
    """A spoken line on the dub's clock; everything but `speed` in seconds, exact to the microsecond.

    `duration` is that of the speech at `speed` (1 is as the voice spoke it). `moved` is how much later
    than its subtitle it starts (negative: earlier), `borrowed` how far it runs into the silence
    after its subtitle, and `overflow` how far beyond what was its own: past the next subtitle's start less
    the gap, or past the end of the video.
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


@dataclass(slots=True)
class _Line:
    """A line being placed, in whole ticks so that windows add up exactly.

    `comfortable` and `latest` are where it should end: leaving a breath, or just the gap, before the next.
    """

    wanted: int
    slot_end: int
    natural: int
    soft: int
    fastest: int
    comfortable: int
    latest: int
    start: int = 0
    duration: int = 0

    @property
    def end(self) -> int:
        return self.start + self.duration

    def speed_of(self, length: float) -> float:
        return max(1.0, length * _TICKS_PER_SECOND / self.duration) if self.duration else 1.0

    def place(self, start: int) -> None:
        """At `start`, as slow as ends in time."""
        self.start = start
        self.duration = max(self.soft, min(self.natural, self.comfortable - start))
        if self.end > self.latest:
            self.duration = max(self.fastest, min(self.duration, self.latest - start))

    def pull_back(self, end: int) -> None:
        """To be over by `end`: faster where that is enough, earlier where it is not."""
        self.duration = max(self.fastest, min(self.duration, end - self.start))
        self.start = min(self.start, end - self.duration)


def plan_timeline(
    slots: Sequence[Slot],
    lengths: Sequence[float],
    *,
    video_duration: float,
    min_gap: float,
    max_speed: float = 1.3,
    soft_speed: float = 1.2,
) -> tuple[Placement, ...]:
    """Place each slot's speech, `lengths[i]` seconds long at natural speed; slots in order of start.

    A line starts with its subtitle and may run into the silence after it, up to `min_gap` seconds (and a
    breath of 0.05 s) before the next. If it is longer it is sped up to `soft_speed`, then gives up the
    breath, then is sped up to `max_speed`. What still does not fit delays the lines after it by as
    little as it must; they are back on time as soon as there is room. Where that would run past the
    end of the video, the lines before are sped up and pulled back into earlier silence. A gap too wide
    for all lines to fit the video is made as narrow as it takes. Nothing overlaps, is cut or slowed;
    only speech that at `max_speed` is longer than the whole video runs past its end.
    """
    limit = _ticks(video_duration)
    fastest = [_sped_up(length, max_speed) for length in lengths]
    gap = _affordable_gap(fastest, _ticks(min_gap), limit)
    lines = _lines(slots, lengths, fastest, soft_speed=min(soft_speed, max_speed), gap=gap, limit=limit)
    _place_in_order(lines, gap)
    _pull_back_from(limit, lines, gap)
    _push_after_zero(lines, gap)
    return tuple(
        _placement(slot, line, speed=min(max_speed, line.speed_of(length)))
        for slot, length, line in zip(slots, lengths, lines, strict=True)
    )


def _ticks(seconds: float) -> int:
    return round(seconds * _TICKS_PER_SECOND)


def _seconds(ticks: int) -> float:
    return ticks / _TICKS_PER_SECOND


def _sped_up(length: float, speed: float) -> int:
    """Rounded up, so that the speed is never more than asked for."""
    return math.ceil(length * _TICKS_PER_SECOND / speed)


def _affordable_gap(fastest: Sequence[int], gap: int, limit: int) -> int:
    if len(fastest) < 2:
        return gap
    return max(0, min(gap, (limit - sum(fastest)) // (len(fastest) - 1)))


def _lines(
    slots: Sequence[Slot],
    lengths: Sequence[float],
    fastest: Sequence[int],
    *,
    soft_speed: float,
    gap: int,
    limit: int,
) -> list[_Line]:
    breath = max(gap, _ticks(_BREATH_SECONDS))
    starts = [_ticks(slot.start) for slot in slots]
    following = [*starts, None][1:]
    return [
        _Line(
            wanted=start,
            slot_end=_ticks(slot.end),
            natural=_sped_up(length, 1.0),
            soft=_sped_up(length, soft_speed),
            fastest=shortest,
            comfortable=limit if after is None else min(limit, after - breath),
            latest=limit if after is None else min(limit, after - gap),
        )
        for slot, length, shortest, start, after in zip(
            slots, lengths, fastest, starts, following, strict=True
        )
    ]


def _place_in_order(lines: Sequence[_Line], gap: int) -> None:
    free = 0
    for line in lines:
        line.place(max(line.wanted, free))
        free = line.end + gap


def _pull_back_from(limit: int, lines: Sequence[_Line], gap: int) -> None:
    for line in reversed(lines):
        if line.end <= limit:
            return
        line.pull_back(limit)
        limit = line.start - gap


def _push_after_zero(lines: Sequence[_Line], gap: int) -> None:
    """Where the video was too short for all, the first lines were pulled back to before its beginning."""
    free = 0
    for line in lines:
        if line.start >= free:
            return
        line.start = free
        free = line.end + gap


def _placement(slot: Slot, line: _Line, speed: float) -> Placement:
    return Placement(
        id=slot.id,
        start=_seconds(line.start),
        speed=speed,
        duration=_seconds(line.duration),
        overflow=_seconds(max(0, line.end - line.latest)),
        borrowed=_seconds(max(0, min(line.end, line.latest) - line.slot_end)),
        moved=_seconds(line.start - line.wanted),
    )
