"""Lines of a translation beside those of the original, told by their times."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Protocol, TypeVar

from app.subtitles.segments import Segment
from app.subtitles.storage import Turn


class _Timed(Protocol):
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


_Source = TypeVar("_Source", bound=_Timed)


def beside(lines: Iterable[_Timed], sources: Iterable[_Source]) -> Iterator[_Source | None]:
    """For each line, the source that it overlaps the longest.

    Both are in order of time, so that the sources before a line's are never looked at again.
    """
    waiting = deque(sources)
    return (_closest(line, waiting) for line in lines)


def voiced(segments: Sequence[Segment], turns: Sequence[Turn]) -> tuple[Segment, ...]:
    """Translated lines with who speaks them: who was set on a line or else, now and after every change
    there, who speaks the original meanwhile."""
    return tuple(
        replace(segment, speaker=turn.speaker) if turn and segment.speaker is None else segment
        for segment, turn in zip(segments, beside(segments, turns), strict=True)
    )


def with_own_speakers(segments: Sequence[Segment], turns: Sequence[Turn]) -> tuple[Segment, ...]:
    """Voiced lines with none but the speakers that the original does not tell."""
    return tuple(
        replace(segment, speaker=None) if turn and segment.speaker == turn.speaker else segment
        for segment, turn in zip(segments, beside(segments, turns), strict=True)
    )


def _closest(line: _Timed, sources: deque[_Source]) -> _Source | None:
    while sources and sources[0].end <= line.start:
        sources.popleft()

    def overlap(source: _Source) -> float:
        return min(line.end, source.end) - max(line.start, source.start)

    return max(takewhile(lambda source: source.start < line.end, sources), key=overlap, default=None)
