"""A translator's answer to lines that can be trusted: the specification's TranslationPostprocessor."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.translation.engines.base import Line, TranslationBatch
from app.translation.layout import in_rows
from app.translation.preprocessor import dashes, normalise, plain

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
    answers = {line.id: line for line in answered if times[line.id] == 1}
    accepted = {
        source.id: line
        for source in batch.lines
        if source.id in answers and (line := _tidied(answers[source.id], source, batch)).text
    }
    return Review(
        accepted=tuple(accepted[line.id] for line in batch.lines if line.id in accepted),
        open=tuple(line for line in batch.lines if line.id not in accepted),
    )


def tidy(text: str, source: Line, *, preserve_format: bool) -> str:
    """The translation without numbering or quotes that the source lacks, and on as many rows.

    Without `preserve_format` it is on one row and has no markup.
    """
    if not _WRITTEN_BREAK.search(source.text):
        text = _WRITTEN_BREAK.sub("\n", text)
    text = _without_quotes(_without_number(normalise(text), source), source.text)
    if not preserve_format:
        return plain(text)
    if text.count("\n") == source.text.count("\n") or dashes(source.text):
        return text
    return in_rows(" ".join(text.split()), source.text)


def decreasing(text: str, shorter: Sequence[str]) -> Iterator[str]:
    """Those of the shorter wordings that are shorter than all before."""
    for wording in shorter:
        if wording and len(wording) < len(text):
            yield wording
            text = wording


def _tidied(answer: Line, source: Line, batch: TranslationBatch) -> Line:
    keep = batch.style.preserve_format
    shorter = tuple(tidy(wording, source, preserve_format=keep) for wording in answer.shorter)
    return Line(source.id, tidy(answer.text, source, preserve_format=keep), shorter)


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
