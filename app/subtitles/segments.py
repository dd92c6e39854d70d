"""The segments of a subtitle or translation, and the edits a client makes to them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app.core.errors import ErrorCode, Problem
from app.core.text import without_controls
from app.subtitles.cues import name_of_speaker, without_markup
from app.subtitles.engines.base import Word

_BEYOND_VIDEO_SECONDS = 0.5
_UNSPACED_LANGUAGES = frozenset({"ja", "zh", "yue", "th", "lo", "km", "my"})


@dataclass(frozen=True, slots=True)
class Segment:
    """A line of a subtitle (source language) or of a translation, `start` and `end` in seconds.

    `confidence` (0 to 1) and `words` are what the engine heard and hold for its own text only.
    `original_text` is the source line of a translation, and `shorter` are wordings of it that say the same
    in fewer words, the longest first; an edit of the text drops them. `speaker` names who speaks.
    """

    id: int
    start: float
    end: float
    text: str
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    original_text: str | None = None
    speaker: str | None = None
    shorter: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentChange:
    """What a client asks of one segment; None leaves that part as it is, an empty `speaker` clears it."""

    id: int
    start: float | None = None
    end: float | None = None
    text: str | None = None
    deleted: bool = False
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentStatistics:
    """`total_duration` in seconds; `average_confidence` is None where no segment has one."""

    word_count: int
    segment_count: int
    total_duration: float
    average_confidence: float | None


def apply_changes(
    segments: Sequence[Segment], changes: Sequence[SegmentChange], *, duration: float | None
) -> tuple[Segment, ...]:
    """The segments after the changes, in order of time; segments that are not named stay as they are.

    An unknown id adds a segment, and ids are never renumbered. All the changes are made before overlaps
    are looked for. `duration` is the video's, in seconds. Raises `Problem` about the first change at
    fault, whose place in the request is in `field`: SEGMENT_DUPLICATED, SEGMENT_NOT_FOUND,
    SEGMENT_INCOMPLETE, SEGMENT_TIMES_INVALID, SEGMENT_BEYOND_VIDEO or SEGMENT_OVERLAP.
    """
    edited = {segment.id: segment for segment in segments}
    places: dict[int, int] = {}
    for index, change in enumerate(changes):
        if change.id in places:
            raise _problem(ErrorCode.SEGMENT_DUPLICATED, index, "id", change.id)
        places[change.id] = index
        _apply(edited, change, index, duration)
    ordered = tuple(sorted(edited.values(), key=lambda segment: (segment.start, segment.end)))
    _check_overlaps(ordered, places)
    return ordered


def summarise(
    segments: Sequence[Segment], *, language: str, duration: float | None = None
) -> SegmentStatistics:
    """`total_duration` is the video's `duration`, or the end of the last segment where that is unknown."""
    ends = (segment.end for segment in segments)
    confidences = [segment.confidence for segment in segments if segment.confidence is not None]
    return SegmentStatistics(
        word_count=sum(count_words(segment.text, language) for segment in segments),
        segment_count=len(segments),
        total_duration=max(ends, default=0.0) if duration is None else duration,
        average_confidence=math.fsum(confidences) / len(confidences) if confidences else None,
    )


def count_words(text: str, language: str) -> int:
    """Words between blanks; letters and digits in languages written without blanks (Japanese, Chinese…)."""
    spoken = without_markup(text)
    if language.split("-", maxsplit=1)[0].lower() in _UNSPACED_LANGUAGES:
        return sum(character.isalnum() for character in spoken)
    return len(spoken.split())


def _apply(edited: dict[int, Segment], change: SegmentChange, index: int, duration: float | None) -> None:
    current = edited.get(change.id)
    if change.deleted:
        if current is None:
            raise _problem(ErrorCode.SEGMENT_NOT_FOUND, index, "id", change.id)
        del edited[change.id]
        return
    segment = _created(change, index) if current is None else _changed(current, change, index)
    if current is None or (segment.start, segment.end) != (current.start, current.end):
        _check_times(segment, index, duration)
    edited[change.id] = segment


def _created(change: SegmentChange, index: int) -> Segment:
    if change.start is None:
        raise _incomplete(index, "start", change.id)
    if change.end is None:
        raise _incomplete(index, "end", change.id)
    if change.text is None:
        raise _incomplete(index, "text", change.id)
    text = _text(change.text, index, change.id)
    return Segment(change.id, change.start, change.end, text, speaker=name_of_speaker(change.speaker))


def _changed(segment: Segment, change: SegmentChange, index: int) -> Segment:
    moved = replace(
        segment,
        start=segment.start if change.start is None else change.start,
        end=segment.end if change.end is None else change.end,
        speaker=segment.speaker if change.speaker is None else name_of_speaker(change.speaker),
    )
    text = segment.text if change.text is None else _text(change.text, index, change.id)
    return moved if text == segment.text else replace(moved, text=text, confidence=None, words=(), shorter=())


def _text(text: str, index: int, segment_id: int) -> str:
    """Blank text is refused: it would leave a silent line where `deleted` says what is meant."""
    stripped = without_controls(text).strip()
    if not without_markup(stripped).strip():
        raise _incomplete(index, "text", segment_id)
    return stripped


def _check_times(segment: Segment, index: int, duration: float | None) -> None:
    start, end = segment.start, segment.end
    if not 0 <= start < end < math.inf:
        name = "end" if 0 <= start < math.inf else "start"
        raise _problem(ErrorCode.SEGMENT_TIMES_INVALID, index, name, segment.id, start=start, end=end)
    if duration is not None and end > duration + _BEYOND_VIDEO_SECONDS:
        raise _problem(ErrorCode.SEGMENT_BEYOND_VIDEO, index, "end", segment.id, duration=duration)


def _check_overlaps(ordered: Iterable[Segment], places: dict[int, int]) -> None:
    """Only overlaps that a change takes part in: it is not to blame for those that were there before."""
    longest: Segment | None = None
    longest_changed: Segment | None = None
    for segment in ordered:
        changed = segment.id in places
        earlier = longest if changed else longest_changed
        if earlier is not None and segment.start < earlier.end:
            raise _overlap(earlier, segment, places)
        longest = _later_end(longest, segment)
        if changed:
            longest_changed = _later_end(longest_changed, segment)


def _later_end(longest: Segment | None, segment: Segment) -> Segment:
    return segment if longest is None or segment.end > longest.end else longest


def _overlap(earlier: Segment, later: Segment, places: dict[int, int]) -> Problem:
    if later.id in places:
        blamed, other, name = later, earlier, "start"
    else:
        blamed, other, name = earlier, later, "end"
    return _problem(ErrorCode.SEGMENT_OVERLAP, places[blamed.id], name, blamed.id, other_id=other.id)


def _incomplete(index: int, missing: str, segment_id: int) -> Problem:
    return _problem(ErrorCode.SEGMENT_INCOMPLETE, index, missing, segment_id, missing=missing)


def _problem(code: ErrorCode, index: int, name: str, segment_id: int, **details: str | float) -> Problem:
    return Problem(code, field=f"segments.{index}.{name}", segment_id=segment_id, **details)
