"""Subtitle lines to batches for a translator: the specification's TranslationPreprocessor."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.translation.engines.base import Line, TranslationBatch, TranslationStyle
from app.translation.terms import relevant

CONTEXT_LINES = 3
BATCH_CHARACTERS = 4000

_BLANKS = re.compile(r"[^\S\n]+")
_AROUND_BREAKS = re.compile(r" ?\n ?")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|\{\\[^{}]*\}")
_DASH = re.compile(r"^\s*[-–—‐](?!\d)\s*\S", re.MULTILINE)
_NOTE = re.compile("[♪♫♬]")
_JOINERS = "\u200c\u200d"  # zero-width, but part of the spelling in several scripts and of emoji


def normalise(text: str) -> str:
    """Composed Unicode with single blanks and plain line breaks, free of invisible characters."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    visible = "".join(mark for mark in text if mark == "\n" or _is_visible(mark))
    return _AROUND_BREAKS.sub("\n", _BLANKS.sub(" ", visible)).strip()


def has_words(text: str) -> bool:
    """Whether there is anything to translate: not so in numbers, notes and punctuation alone."""
    return any(mark.isalpha() for mark in text)


def has_markup(text: str) -> bool:
    """Whether there are tags such as `<i>`, or `{\\an8}`."""
    return _MARKUP.search(text) is not None


def dashes(text: str) -> int:
    """How many rows begin with the dash that stands before a speaker."""
    return len(_DASH.findall(text))


def is_structured(text: str) -> bool:
    """Whether its rows mean something: speakers with dashes, or music."""
    return dashes(text) > 0 or _NOTE.search(text) is not None


def plain(text: str) -> str:
    """On one row and without markup."""
    return " ".join(_MARKUP.sub("", text).split())


def batches(
    lines: Sequence[Line],
    source_language: str,
    target_language: str,
    *,
    size: int,
    style: TranslationStyle | None = None,
    context_lines: int = CONTEXT_LINES,
) -> tuple[TranslationBatch, ...]:
    """Normalised lines in batches of at most `size`, fewer where the lines are long, in order.

    Each carries the `context_lines` lines before and after it, which are not to be translated, and of the
    terminology what occurs in it, so that a new term changes no other batch.
    """
    style = style or TranslationStyle()
    clean = [replace(line, text=_clean(line.text, style)) for line in lines]
    return tuple(
        TranslationBatch(
            source_language=source_language,
            target_language=target_language,
            lines=tuple(clean[start:end]),
            before=tuple(clean[max(0, start - context_lines) : start]),
            after=tuple(clean[end : end + context_lines]),
            style=_style_for(clean[start:end], style),
        )
        for start, end in _ranges(clean, size)
    )


def alone(batch: TranslationBatch, line: Line, context_lines: int = CONTEXT_LINES) -> TranslationBatch:
    """One line of a batch as a batch of its own, its neighbours as context."""
    everything = (*batch.before, *batch.lines, *batch.after)
    place = next(index for index, other in enumerate(everything) if other.id == line.id)
    return replace(
        batch,
        lines=(line,),
        before=everything[max(0, place - context_lines) : place],
        after=everything[place + 1 : place + 1 + context_lines],
    )


def _clean(text: str, style: TranslationStyle) -> str:
    return normalise(text) if style.preserve_format else plain(normalise(text))


def _style_for(lines: Sequence[Line], style: TranslationStyle) -> TranslationStyle:
    terms = relevant(style.terminology, *(line.text for line in lines))
    return replace(style, terminology=terms)


def _is_visible(mark: str) -> bool:
    return mark in _JOINERS or mark.isspace() or unicodedata.category(mark) not in ("Cc", "Cf")


def _ranges(lines: Sequence[Line], size: int) -> Iterator[tuple[int, int]]:
    start = characters = 0
    for index, line in enumerate(lines):
        full = index - start == size or characters + len(line.text) > BATCH_CHARACTERS
        if full and index > start:
            yield start, index
            start, characters = index, 0
        characters += len(line.text)
    if start < len(lines):
        yield start, len(lines)
