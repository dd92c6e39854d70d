"""Splits a segment that holds too much for the screen, or for too long."""

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from app.subtitles.cues import without_markup
from app.subtitles.engines.base import Word
from app.subtitles.readability import TOLERANCE_SECONDS, ReadingRules, columns
from app.subtitles.segments import Segment
from app.subtitles.wrapping import Break, breaks, paragraphs, wrap

_PADDING_SECONDS = 0.15
_WORDS_OFF_SECONDS = 0.5
_WORTH_OF_PAUSE = 0.5
_LONGEST_WORTH_SECONDS = 1.0
_FARTHEST_SHARE = 0.25
_TAG = re.compile(r"<(/?)([biu])>")


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where a segment is split: the first part is over by `end`, the second starts at `start` (seconds).
    `share` of the text is before it; `words` is how many words are, None where their times do not tell."""

    place: Break
    share: float
    end: float
    start: float
    words: int | None = None
    pause: float = 0.0


def divided(segment: Segment, rules: ReadingRules, fresh_ids: Iterator[int]) -> list[Segment]:
    """The segment in parts that each keep the rules for lines and for the longest time, if it does not.

    It is parted at the end of a sentence, after a clause, in a pause or between words, whichever leaves
    parts of about the same size, at the time of its words, or in proportion to the characters where there
    are no words. No part is shorter than the rules allow: what would be is not split.
    """
    if not _is_too_much(segment, rules):
        return [segment]
    text = "\n".join(paragraphs(segment.text))
    cut = _best_cut(segment, text, rules)
    if cut is None:
        return [segment]
    first, second = _parts(segment, text, cut, rules)
    parts = divided(first, rules, fresh_ids)
    return [*parts, *divided(replace(second, id=next(fresh_ids)), rules, fresh_ids)]


def _is_too_much(segment: Segment, rules: ReadingRules) -> bool:
    if not rules.fits(wrap(segment.text, rules)):
        return True
    shown = segment.end - segment.start
    if shown <= rules.most_seconds + TOLERANCE_SECONDS:
        return False
    # A few words that stay for long are not spoken for so long: without their times, no cut would be right.
    least_parts = math.ceil(shown / rules.most_seconds)
    reading = rules.characters(segment.text) / rules.characters_per_second
    return bool(segment.words) or reading >= least_parts * rules.least_seconds


def _best_cut(segment: Segment, text: str, rules: ReadingRules) -> _Cut | None:
    shown = segment.end - segment.start
    total = columns(without_markup(text))
    parts = max(
        2, math.ceil(total / (rules.lines * rules.columns_per_line)), math.ceil(shown / rules.most_seconds)
    )
    wanted = (parts // 2) / parts
    return min(
        _possible_cuts(segment, text, rules),
        key=lambda cut: cut.place.cost + abs(cut.share - wanted) - _WORTH_OF_PAUSE * cut.pause,
        default=None,
    )


def _possible_cuts(segment: Segment, text: str, rules: ReadingRules) -> list[_Cut]:
    """Those at the time of words, or all by their share where there are none."""
    places = _places(text, rules)
    for cuts in (_cuts_by_words(segment, text, places, rules), _cuts_by_share(segment, text, places, rules)):
        fair = [cut for cut in cuts if _leaves_time(segment, cut, rules)]
        if fair:
            return fair
    return []


def _places(text: str, rules: ReadingRules) -> list[Break]:
    """Between the lines of speakers at no cost, and within them."""
    found: list[Break] = []
    offset = 0
    for line in text.split("\n"):
        if offset:
            found.append(Break(offset - 1, offset, 0.0))
        found.extend(
            replace(place, before=place.before + offset, after=place.after + offset)
            for place in breaks(line, rules)
        )
        offset += len(line) + 1
    return found


def _leaves_time(segment: Segment, cut: _Cut, rules: ReadingRules) -> bool:
    least = rules.least_seconds - TOLERANCE_SECONDS
    return cut.start - rules.least_gap - segment.start >= least and segment.end - cut.start >= least


def _cuts_by_share(
    segment: Segment, text: str, places: Sequence[Break], rules: ReadingRules
) -> Iterator[_Cut]:
    total = max(1, columns(without_markup(text)))
    for place in places:
        share = columns(without_markup(text[: place.before])) / total
        start = round(segment.start + share * (segment.end - segment.start), 3)
        yield _Cut(place, share, round(start - rules.least_gap, 3), start)


def _cuts_by_words(
    segment: Segment, text: str, places: Sequence[Break], rules: ReadingRules
) -> Iterator[_Cut]:
    """Words are found by the count of letters before them, since engines leave punctuation out."""
    words = segment.words
    counts = list(accumulate(_letters(word.text) for word in words))
    if not words or counts[-1] != _letters(text) or not _are_within(words, segment):
        return
    total = max(1, columns(without_markup(text)))
    for place in places:
        letters = _letters(text[: place.before])
        index = bisect_left(counts, letters) + 1
        if index >= len(words) or counts[index - 1] != letters:
            continue
        last, following = words[index - 1], words[index]
        start = round(following.start, 3)
        padded = max(last.end + _PADDING_SECONDS, segment.start + rules.least_seconds)
        end = round(min(start - rules.least_gap, padded), 3)
        pause = min(max(following.start - last.end, 0.0), _LONGEST_WORTH_SECONDS)
        share = columns(without_markup(text[: place.before])) / total
        yield _Cut(place, share, end, start, index, pause)


def _letters(text: str) -> int:
    return sum(map(str.isalnum, without_markup(text)))


def _are_within(words: Sequence[Word], segment: Segment) -> bool:
    """Whether the times still hold: an edit can move a segment away from its words."""
    earliest, latest = segment.start - _WORDS_OFF_SECONDS, segment.end + _WORDS_OFF_SECONDS
    return words[0].start >= earliest and words[-1].end <= latest


def _parts(segment: Segment, text: str, cut: _Cut, rules: ReadingRules) -> tuple[Segment, Segment]:
    head, tail = _balanced(text[: cut.place.before], text[cut.place.after :])
    head_original, tail_original = _parted_original(segment.original_text, cut.share, rules)
    first = replace(
        segment,
        end=cut.end,
        text=head,
        words=segment.words[: cut.words] if cut.words else (),
        original_text=head_original,
        shorter=(),
    )
    second = replace(
        segment,
        start=cut.start,
        text=tail,
        words=segment.words[cut.words :] if cut.words else (),
        original_text=tail_original,
        shorter=(),
    )
    return first, second


def _balanced(head: str, tail: str) -> tuple[str, str]:
    """Tags that are open at the cut are closed before it and opened again after it."""
    opened: list[str] = []
    for tag in _TAG.finditer(head):
        if not tag[1]:
            opened.append(tag[2])
        elif tag[2] in opened:
            opened.remove(tag[2])
    closing = "".join(f"</{name}>" for name in reversed(opened))
    return head + closing, "".join(f"<{name}>" for name in opened) + tail


def _parted_original(
    original: str | None, share: float, rules: ReadingRules
) -> tuple[str | None, str | None]:
    """At the place nearest to the same share; whole with the first part where there is none near."""
    if original is None:
        return None, None
    text = "\n".join(paragraphs(original))
    total = max(1, columns(without_markup(text)))

    def distance(place: Break) -> float:
        return abs(columns(without_markup(text[: place.before])) / total - share)

    near = [place for place in _places(text, rules) if distance(place) <= _FARTHEST_SHARE]
    if not near:
        return original, None
    place = min(near, key=lambda place: place.cost + distance(place))
    return _balanced(text[: place.before], text[place.after :])
