"""A translator's answer to lines that can be trusted: the specification's TranslationPostprocessor."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.translation.engines.base import Line, TranslationBatch
from app.translation.preprocessor import normalise

_QUOTES = frozenset(('""', "''", "“”", "‘’", "„“", "«»", "「」", "『』"))
_QUOTE_MARKS = frozenset("".join(_QUOTES))
_WRITTEN_BREAK = re.compile(r"\\[nN]")


@dataclass(frozen=True, slots=True)
class Review:
    """`accepted` are translated, in the order of the batch; `open` are source lines to be asked again."""

    accepted: tuple[Line, ...]
    open: tuple[Line, ...]


def review(batch: TranslationBatch, answered: Sequence[Line]) -> Review:
    """Sort an answer by the ids that were asked for, never by its order.

    A line is accepted when it was answered exactly once and not with nothing; ids nobody asked for are
    dropped. So a line lost, doubled or made up by the engine cannot move another.
    """
    times = Counter(line.id for line in answered)
    texts = {line.id: line.text for line in answered if times[line.id] == 1}
    accepted = {
        line.id: text
        for line in batch.lines
        if (text := tidy(texts.get(line.id, ""), line, preserve_format=batch.style.preserve_format))
    }
    return Review(
        accepted=tuple(Line(line.id, accepted[line.id]) for line in batch.lines if line.id in accepted),
        open=tuple(line for line in batch.lines if line.id not in accepted),
    )


def tidy(text: str, source: Line, *, preserve_format: bool) -> str:
    """The translation without numbering or quotes that the source lacks; its line breaks kept or joined."""
    if not _WRITTEN_BREAK.search(source.text):
        text = _WRITTEN_BREAK.sub("\n", text)
    text = _without_quotes(_without_number(normalise(text), source), source.text)
    return text if preserve_format else " ".join(text.split())


def _without_number(text: str, source: Line) -> str:
    """Drops the line's own id where the engine wrote it before the text: `12. `, `[12] `, `#12 `."""
    number = rf"(?:[\[(#]{source.id}[\])]?|{source.id}[.):])\s+"
    return text if re.match(number, source.text) else re.sub(rf"^{number}", "", text)


def _without_quotes(text: str, source: str) -> str:
    """Drops a pair of quotes around the whole text, unless the source begins or ends with one."""
    if len(text) < 2 or text[0] + text[-1] not in _QUOTES or {*source[:1], *source[-1:]} & _QUOTE_MARKS:
        return text
    inner = text[1:-1]
    return text if {text[0], text[-1]} & set(inner) else inner.strip()
