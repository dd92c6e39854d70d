"""Where and how fast each line of a dub is spoken, so that it stays in sync with the picture."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.tts.pinning import Bounds, Pinning
from app.tts.spreading import PlacedLine, relax

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
    after its subtitle, and `overflow` how much it has beyond all it may: past the next subtitle's start and
    the shift that this one may be given, past the end of the video, or of the time of the lines before, which
    begin earlier than they may for it to be heard to its end.
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
    reserved: Collection[int] = (),
) -> tuple[Placement, ...]:
    """Place each slot's speech, `lengths[i]` seconds long at natural speed; slots in order of start.

    A line starts with its subtitle and runs into the silence after it, up to `min_gap` before the next;
    if it is longer it is sped up to the soft speed. Where that is not enough, the gap gives way, and
    then the passage is spread: its lines are sped up to the soft speed together and start as little off
    their subtitles as they can, in the least squares. If one would be moved further than it may, the
    whole passage goes up to the highest speed. What is still too long delays what follows. A line that
    would not end with the video is pulled back into the silence before it and, where that is not enough,
    the fewest lines before it by the least. What others lack is reported as overflow. Nothing overlaps, is
    cut off or slowed.

    The lines `kept` (by id) stay exactly where they are, unless the others do not fit between them at the
    highest speed: then as few neighbours as it takes are placed anew. The slots of the `reserved` ids are
    left free unless the others find no room around them.
    """
    limits = limits or TimingLimits()
    lines = _lines(slots, lengths, limits, _ticks(video_duration))
    pinning = _pinning(slots, lines, kept or {}, reserved, limits, _ticks(video_duration))
    for run in pinning.free_runs():
        relax(run)
    placed = [_placement(*parts, limits) for parts in zip(slots, lengths, lines, strict=True)]
    return tuple(
        kept[placement.id] if kept and index in pinning.kept else placement
        for index, placement in enumerate(placed)
    )


def room(
    slots: Sequence[Slot],
    index: int,
    *,
    video_duration: float,
    limits: TimingLimits,
    kept: Mapping[int, Placement] | None = None,
) -> float:
    """How many seconds the line may last at the voice's own pace, to be spoken at the soft speed from its
    subtitle's start without moving anybody, neither the lines `kept` (by id) nor the others' starts."""
    kept, start, until = kept or {}, slots[index].start, video_duration
    if index and (before := kept.get(slots[index - 1].id)):
        start = max(start, before.end + _TIGHT_GAP_SECONDS)
    if index + 1 < len(slots):
        after = slots[index + 1]
        following = kept[after.id].start if after.id in kept else after.start
        until = min(until, following - _TIGHT_GAP_SECONDS)
    return max(0.0, until - start) * min(limits.soft_speed, limits.max_speed)


def _pinning(
    slots: Sequence[Slot],
    lines: Sequence[PlacedLine],
    kept: Mapping[int, Placement],
    reserved: Collection[int],
    limits: TimingLimits,
    video_end: int,
) -> Pinning:
    bounds = Bounds(
        gap=_ticks(_TIGHT_GAP_SECONDS),
        earliest=_ticks(min(_EARLIEST_SECONDS, limits.max_shift)),
        latest=_ticks(limits.max_shift),
        video_end=video_end,
    )
    pinning = Pinning(lines, set(), set(), bounds)
    for index, (slot, line) in enumerate(zip(slots, lines, strict=True)):
        if slot.id in kept:
            place = kept[slot.id]
            line.start, line.duration = _ticks(place.start), _ticks(place.duration)
            pinning.kept.add(index)
        elif slot.id in reserved:
            line.start, line.duration = line.wanted, min(line.natural, line.space)
            pinning.reserved.add(index)
    return pinning


def _ticks(seconds: float) -> int:
    return round(seconds * _TICKS_PER_SECOND)


def _seconds(ticks: int) -> float:
    return ticks / _TICKS_PER_SECOND


def _sped_up(length: float, speed: float) -> int:
    """Rounded up, so that the speed is never more than asked for."""
    return math.ceil(length * _TICKS_PER_SECOND / speed)


def _lines(
    slots: Sequence[Slot], lengths: Sequence[float], limits: TimingLimits, video_end: int
) -> list[PlacedLine]:
    soft = min(limits.soft_speed, limits.max_speed)
    speeds = [soft + (limits.max_speed - soft) * step / _STEPS for step in range(_STEPS + 1)]
    shift = _ticks(limits.max_shift)
    ends = [*(min(_ticks(slot.start), video_end) for slot in slots), video_end][1:]
    return [
        PlacedLine(
            wanted=_ticks(slot.start),
            space=max(0, end - _ticks(slot.start)),
            allowed=min(end + shift, video_end),
            natural=_sped_up(length, 1.0),
            durations=[_sped_up(length, speed) for speed in speeds],
            gaps=(_ticks(limits.min_gap), _ticks(min(limits.min_gap, _TIGHT_GAP_SECONDS))),
        )
        for slot, length, end in zip(slots, lengths, ends, strict=True)
    ]


def _placement(slot: Slot, length: float, line: PlacedLine, limits: TimingLimits) -> Placement:
    speed = max(1.0, length * _TICKS_PER_SECOND / line.duration) if line.duration else 1.0
    return Placement(
        id=slot.id,
        start=_seconds(line.start),
        speed=min(limits.max_speed, speed),
        duration=_seconds(line.duration),
        overflow=_seconds(max(0, line.end - line.allowed) + line.taken),
        borrowed=_seconds(max(0, min(line.end, line.wanted + line.space) - _ticks(slot.end))),
        moved=_seconds(line.moved),
    )
