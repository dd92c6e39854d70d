"""Mends the segments of a track until they are readable, as far as that goes without other words."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count

from app.subtitles.dividing import divided
from app.subtitles.readability import TOLERANCE_SECONDS, ReadingRules
from app.subtitles.segments import Segment
from app.subtitles.wrapping import begins_with_dash, paragraphs, wrap

_TOGETHER_SECONDS = 0.1
_CLOSE_SECONDS = 0.5
_MOST_ROUNDS = 100


def mend(segments: Sequence[Segment], rules: ReadingRules, *, duration: float) -> tuple[Segment, ...]:
    """The same words in the same order, in segments that keep the rules as far as they can.

    Segments that hold too much are split (see `divided`); those that are too short and cannot last longer
    are joined to a neighbour of the same speaker; lines are wrapped; and segments stay on screen until
    they can be read, if there is silence after them. Starts stay where they are, and between two segments
    there is the gap. Segments that begin together are joined, and one that is still shown when the next
    begins ends there. None ends after the video's `duration`, in seconds; one that starts after it stays
    as it is.

    What needs no mending keeps its id and all else. A joined segment has the first one's id, and so has the
    first part of a split one; the other parts get new ids. Words, speaker and original text go with the
    text, and `shorter` wordings of a text that is no more are dropped. To mend again changes nothing.
    """
    video_end = math.floor(duration * 1000) / 1000
    ordered = sorted(segments, key=lambda segment: (segment.start, segment.end))
    beyond = [segment for segment in ordered if segment.start >= video_end]
    line = _one_at_a_time((segment for segment in ordered if segment.start < video_end), video_end)
    if not line:
        return tuple(beyond)
    fresh_ids = count(max((segment.id for segment in segments), default=-1) + 1)
    for _ in range(_MOST_ROUNDS):
        former = line
        parts = [part for segment in former for part in divided(segment, rules, fresh_ids)]
        timed = _timed(_merged(parts, rules, video_end), rules, video_end)
        line = [_changed(segment, text=wrap(segment.text, rules)) for segment in timed]
        if line == former:
            break
    return (*line, *beyond)


def _one_at_a_time(ordered: Iterable[Segment], video_end: float) -> list[Segment]:
    line: list[Segment] = []
    for segment in ordered:
        end = max(min(segment.end, video_end), round(segment.start + TOLERANCE_SECONDS, 3))
        within = _changed(segment, end=end)
        if not line or line[-1].end <= segment.start:
            line.append(within)
        elif segment.start - line[-1].start < _TOGETHER_SECONDS:
            line[-1] = _joined(line[-1], within, f"{line[-1].text}\n{within.text}")
        else:
            line[-1] = replace(line[-1], end=segment.start)
            line.append(within)
    return line


def _changed(segment: Segment, *, end: float | None = None, text: str | None = None) -> Segment:
    """The segment itself where nothing is changed."""
    if end in (None, segment.end) and text in (None, segment.text):
        return segment
    return replace(
        segment, end=segment.end if end is None else end, text=segment.text if text is None else text
    )


def _merged(segments: Sequence[Segment], rules: ReadingRules, video_end: float) -> list[Segment]:
    line: list[Segment] = []
    barriers = _barriers(segments, rules, video_end)
    for segment, barrier in zip(segments, barriers, strict=True):
        together = _together(line[-1], segment, barrier, rules) if line else None
        if together is None:
            line.append(segment)
        else:
            line[-1] = together
    return line


def _barriers(segments: Sequence[Segment], rules: ReadingRules, video_end: float) -> list[float]:
    """When each segment has to be over, for the gap before the next one or the end of the video."""
    return [*(round(segment.start - rules.least_gap, 3) for segment in segments[1:]), video_end]


def _together(first: Segment, second: Segment, barrier: float, rules: ReadingRules) -> Segment | None:
    """Both as one, where one of them is too short for good and they go together."""
    first_room = second.start - rules.least_gap - first.start
    second_room = barrier - second.start
    if min(first_room, second_room) >= rules.least_seconds - TOLERANCE_SECONDS:
        return None
    if first.speaker != second.speaker or second.start - first.end > _CLOSE_SECONDS:
        return None
    if begins_with_dash(first.text) != begins_with_dash(second.text):
        return None
    text = wrap(_text_together(first.text, second.text), rules)
    if second.end - first.start > rules.most_seconds or not rules.fits(text):
        return None
    return _joined(first, second, text)


def _text_together(first: str, second: str) -> str:
    """On one line, but for the lines of two speakers."""
    lines = [*paragraphs(first), *paragraphs(second)]
    return "\n".join(lines) if begins_with_dash(second) else " ".join(lines)


def _joined(first: Segment, second: Segment, text: str) -> Segment:
    originals = [one.original_text for one in (first, second) if one.original_text]
    confidences = [one.confidence for one in (first, second) if one.confidence is not None]
    return Segment(
        first.id,
        first.start,
        max(first.end, second.end),
        text,
        math.fsum(confidences) / len(confidences) if confidences else None,
        (*first.words, *second.words) if first.words and second.words else (),
        " ".join(originals) or None,
        first.speaker if first.speaker == second.speaker else None,
    )


def _timed(segments: Sequence[Segment], rules: ReadingRules, video_end: float) -> list[Segment]:
    barriers = _barriers(segments, rules, video_end)
    starts = [*(segment.start for segment in segments[1:]), video_end]
    return [
        _changed(segment, end=_end(segment, barrier, following, rules))
        for segment, barrier, following in zip(segments, barriers, starts, strict=True)
    ]


def _end(segment: Segment, barrier: float, following: float, rules: ReadingRules) -> float:
    """Long enough to be read, and over by the barrier, if that leaves the least time that is allowed."""
    wanted = max(segment.end, segment.start + rules.seconds_to_read(segment.text))
    if wanted - segment.start > rules.most_seconds:
        spoken_until = max((word.end for word in segment.words), default=segment.start)
        wanted = min(wanted, max(spoken_until, segment.start + rules.most_seconds))
    if barrier - segment.start >= rules.least_seconds - TOLERANCE_SECONDS:
        end = min(wanted, barrier)
    else:
        end = min(max(segment.end, barrier), following)
    return segment.end if abs(end - segment.end) <= TOLERANCE_SECONDS else round(end, 3)
