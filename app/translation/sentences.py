"""Sentences that run over several segments: translated whole and laid back over them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.subtitles.segments import Segment
from app.translation.engines.base import Line
from app.translation.layout import in_rows, is_unspaced, lay_out
from app.translation.preprocessor import has_markup, has_words, is_structured, normalise

MOST_SEGMENTS = 4
MOST_CHARACTERS = 300
LONGEST_GAP = 2.0  # seconds
# Below this share of segments that end a sentence, full stops are just not written in this track.
_LEAST_PUNCTUATION = 1 / 6
_SHORTEST_SECONDS = 0.1

_CLOSERS = "\"'”’»」』）)]} \n"
_SENTENCE_END = re.compile(r"[.!?。！？｡؟۔।॥។‽]$")
_TRAILING_OFF = re.compile(r"(?:…|\.\.\.|—|--)$")
_NOTE = re.compile(r"^\s*[\[(（].*[\])）]\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One segment, or several that one sentence runs over; it goes by the id of the first."""

    segments: tuple[Segment, ...]

    @property
    def id(self) -> int:
        return self.segments[0].id

    @property
    def text(self) -> str:
        """That of one segment as it is, that of several on one row."""
        if len(self.segments) == 1:
            return self.segments[0].text
        return _joined(segment.text for segment in self.segments)

    def as_line(self) -> Line:
        return Line(self.id, self.text, seconds=round(self.segments[-1].end - self.segments[0].start, 1))

    def split(self) -> tuple["Sentence", ...]:
        """Each segment by itself."""
        return tuple(Sentence((segment,)) for segment in self.segments)


def sentences(segments: Sequence[Segment], *, preserve_format: bool) -> tuple[Sentence, ...]:
    """Every segment once, in order, those of one sentence together.

    Together are at most `MOST_SEGMENTS` segments and `MOST_CHARACTERS` characters of one speaker, close in
    time, where nothing ends the sentence and the next goes on in lower case (or has no case). Segments
    with dashes before speakers, notes or music are left by themselves, and those with markup if it is to
    be kept.
    """
    groups: list[list[Segment]] = []
    ends = sum(_ends_sentence(segment.text) for segment in segments)
    punctuated = ends >= _LEAST_PUNCTUATION * len(segments)
    for segment in segments:
        open_group = groups[-1] if groups and punctuated else None
        if open_group and _belongs(open_group, segment, preserve_format=preserve_format):
            open_group.append(segment)
        else:
            groups.append([segment])
    return tuple(Sentence(tuple(group)) for group in groups)


def lay_back(sentence: Sentence, translated: Line, *, preserve_format: bool) -> tuple[Line, ...] | None:
    """A line for each segment, the text in proportion to the segments' durations.

    None if the translation has fewer words than the sentence has segments. The shorter wordings of a
    sentence over several segments are left out: one segment of this wording beside one of that would say
    some words twice and others never.
    """
    if len(sentence.segments) == 1:
        return (translated,)
    weights = [max(segment.end - segment.start, _SHORTEST_SECONDS) for segment in sentence.segments]
    texts = lay_out(translated.text, weights)
    if texts is None:
        return None
    return tuple(
        Line(segment.id, in_rows(text, normalise(segment.text)) if preserve_format else text)
        for segment, text in zip(sentence.segments, texts, strict=True)
    )


def _belongs(group: Sequence[Segment], segment: Segment, *, preserve_format: bool) -> bool:
    last = group[-1]
    size = sum(len(member.text) for member in (*group, segment))
    if len(group) == MOST_SEGMENTS or size > MOST_CHARACTERS:
        return False
    if segment.start - last.end >= LONGEST_GAP or segment.speaker != last.speaker:
        return False
    if any(_stands_alone(text, preserve_format=preserve_format) for text in (last.text, segment.text)):
        return False
    return _goes_on(last.text, segment.text)


def _stands_alone(text: str, *, preserve_format: bool) -> bool:
    if not has_words(text) or _NOTE.match(text) or is_structured(text):
        return True
    return preserve_format and has_markup(text)


def _goes_on(text: str, following: str) -> bool:
    first = next((mark for mark in following if mark.isalnum()), "")
    if _ends_sentence(text):
        return first.islower() and _TRAILING_OFF.search(text.rstrip(_CLOSERS)) is not None
    return not first.isupper()


def _ends_sentence(text: str) -> bool:
    bare = text.rstrip(_CLOSERS)
    return _SENTENCE_END.search(bare) is not None or _TRAILING_OFF.search(bare) is not None


def _joined(texts: Iterator[str]) -> str:
    """On one row, with a blank between two unless the script has none."""
    whole = ""
    for text in (" ".join(normalise(text).split()) for text in texts):
        tight = whole and is_unspaced(whole[-1]) and is_unspaced(text[:1])
        whole += text if tight or not whole else f" {text}"
    return whole
