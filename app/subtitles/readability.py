"""What makes subtitles readable: the field's rules for each language, and where a track breaks them."""

import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

from pydantic import TypeAdapter

from app.core.languages import base_language
from app.subtitles.cues import without_markup
from app.subtitles.segments import Segment

RULES = Path(__file__).parent / "reading_rules.toml"
USUAL_FRAME_RATE = 25.0
# Times are kept in whole milliseconds.
TOLERANCE_SECONDS = 0.001
_DEFAULT = "default"


class ReadingRule(StrEnum):
    """What a segment can be at odds with."""

    LINE_TOO_LONG = "line_too_long"
    TOO_MANY_LINES = "too_many_lines"
    TOO_FAST = "too_fast"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    GAP_TOO_SMALL = "gap_too_small"
    OVERLAP = "overlap"


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """The limits for a language; times in seconds, `least_gap` between two segments.

    Characters are columns: one each, two where East Asian letters are wide. `full_width` rules count
    full-width characters: a wide one as one, any other as half. `units` are not parted from the number
    before them, and lines rather begin than end with `connectives`; both in lower case.
    """

    characters_per_line: int
    lines: int
    characters_per_second: float
    least_seconds: float
    most_seconds: float
    least_gap: float
    full_width: bool = False
    units: frozenset[str] = frozenset()
    connectives: frozenset[str] = frozenset()

    @property
    def columns_per_line(self) -> int:
        return self.characters_per_line * (2 if self.full_width else 1)

    def characters(self, text: str) -> float:
        """How many there are to read; tags and line breaks are not."""
        counted = columns(without_markup(text).replace("\n", ""))
        return counted / 2 if self.full_width else counted

    def seconds_to_read(self, text: str) -> float:
        """How long the text is to be shown at least, but never more than is allowed."""
        needed = self.characters(text) / self.characters_per_second
        return min(max(needed, self.least_seconds), self.most_seconds)

    def fits(self, text: str) -> bool:
        """Whether the text as it is broken has few and short enough lines."""
        lines = without_markup(text).split("\n")
        return len(lines) <= self.lines and all(columns(line) <= self.columns_per_line for line in lines)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a segment breaks: what was `measured` and the `limit`, in characters, lines, characters
    per second or seconds. `other_id` is the segment after it where the two are too close."""

    segment_id: int
    rule: ReadingRule
    measured: float
    limit: float
    other_id: int | None = None


@lru_cache
def rules_for(language: str, frame_rate: float | None = None) -> ReadingRules:
    """The rules for a language (BCP 47); `frame_rate` in frames per second sets the gap of two frames."""
    published = _published(base_language(language))
    return ReadingRules(
        characters_per_line=published.characters_per_line,
        lines=published.lines,
        characters_per_second=published.characters_per_second,
        least_seconds=published.least_seconds,
        most_seconds=published.most_seconds,
        least_gap=published.least_gap_frames / (frame_rate or USUAL_FRAME_RATE),
        full_width=published.full_width,
        units=frozenset(unit.lower() for unit in (*published.common_units, *published.units)),
        connectives=frozenset(word.lower() for word in published.connectives),
    )


def check(segments: Sequence[Segment], rules: ReadingRules) -> tuple[Finding, ...]:
    """Where the segments, given in order of time, break the rules; in their order."""
    found: list[Finding] = []
    for segment, following in zip_longest(segments, segments[1:]):
        found.extend(_of_text(segment, rules))
        found.extend(_of_time(segment, rules))
        if following is not None:
            found.extend(_of_gap(segment, following, rules))
    return tuple(found)


def columns(text: str) -> int:
    """The width of a text without tags: two for each wide letter, none for marks on another letter."""
    return len(text) if text.isascii() else sum(map(columns_of, text))


@lru_cache(maxsize=8192)
def columns_of(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


@dataclass(frozen=True, slots=True)
class _Published:
    """A language's section of the data, the gap in frames as the guides tell it."""

    characters_per_line: int
    lines: int
    characters_per_second: float
    least_seconds: float
    most_seconds: float
    least_gap_frames: int
    full_width: bool
    common_units: tuple[str, ...]
    units: tuple[str, ...]
    connectives: tuple[str, ...]


def _published(language: str) -> _Published:
    sections = tomllib.loads(RULES.read_text(encoding="utf-8"))
    return TypeAdapter(_Published).validate_python(sections["default"] | sections.get(language, {}))


def _of_text(segment: Segment, rules: ReadingRules) -> Iterator[Finding]:
    lines = without_markup(segment.text).split("\n")
    longest = max(map(rules.characters, lines))
    if longest > rules.characters_per_line:
        yield Finding(segment.id, ReadingRule.LINE_TOO_LONG, longest, rules.characters_per_line)
    if len(lines) > rules.lines:
        yield Finding(segment.id, ReadingRule.TOO_MANY_LINES, len(lines), rules.lines)


def _of_time(segment: Segment, rules: ReadingRules) -> Iterator[Finding]:
    shown = round(segment.end - segment.start, 3)
    characters = rules.characters(segment.text)
    if characters > (shown + TOLERANCE_SECONDS) * rules.characters_per_second:
        speed = round(characters / max(shown, TOLERANCE_SECONDS), 1)
        yield Finding(segment.id, ReadingRule.TOO_FAST, speed, rules.characters_per_second)
    if shown < rules.least_seconds - TOLERANCE_SECONDS:
        yield Finding(segment.id, ReadingRule.TOO_SHORT, shown, round(rules.least_seconds, 3))
    if shown > rules.most_seconds + TOLERANCE_SECONDS:
        yield Finding(segment.id, ReadingRule.TOO_LONG, shown, rules.most_seconds)


def _of_gap(segment: Segment, following: Segment, rules: ReadingRules) -> Iterator[Finding]:
    gap = round(following.start - segment.end, 3)
    if gap < 0:
        yield Finding(segment.id, ReadingRule.OVERLAP, -gap, 0.0, following.id)
    elif gap < rules.least_gap - TOLERANCE_SECONDS:
        limit = round(rules.least_gap, 3)
        yield Finding(segment.id, ReadingRule.GAP_TOO_SMALL, gap, limit, following.id)
