"""The translated track out of what came back for its sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.subtitles.segments import Segment
from app.translation.batches import TranslatedBatch
from app.translation.engines.base import Line, TranslationStyle
from app.translation.sentences import Sentence, lay_back
from app.translation.terms import Terminology, missing_terms, occurs


@dataclass(frozen=True, slots=True)
class Answers:
    """The translated lines by the ids of their sentences, and what became of them."""

    lines: dict[int, Line]
    untranslated: frozenset[int]
    doubtful: frozenset[int]

    @classmethod
    def of(cls, results: Sequence[TranslatedBatch]) -> "Answers":
        return cls(
            {line.id: line for result in results for line in result.lines},
            frozenset(number for result in results for number in result.untranslated),
            frozenset(number for result in results for number in result.doubtful),
        )

    def instead(self, torn: Sequence[Sentence], again: "Answers") -> "Answers":
        """With other answers in place of those to torn sentences."""
        gone = {sentence.id for sentence in torn}
        return Answers(
            self.lines | again.lines,
            (self.untranslated - gone) | again.untranslated,
            (self.doubtful - gone) | again.doubtful,
        )


@dataclass(frozen=True, slots=True)
class TranslatedSegments:
    """Every segment of the source; `untranslated`, `doubtful` and `missed_terms` are ids of some."""

    segments: tuple[Segment, ...]
    untranslated: list[int]
    doubtful: list[int]
    missed_terms: list[int]


def torn(sentences: Sequence[Sentence], answers: Answers, style: TranslationStyle) -> tuple[Sentence, ...]:
    """Sentences whose translation has too few words for their segments."""
    return tuple(
        sentence
        for sentence in sentences
        if sentence.id not in answers.untranslated and _laid(sentence, answers, style) is None
    )


def split(sentences: Sequence[Sentence], broken: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """Each segment of the broken ones by itself, the others as they are."""
    ids = {sentence.id for sentence in broken}
    return tuple(part for whole in sentences for part in (whole.split() if whole.id in ids else (whole,)))


def assemble(sentences: Sequence[Sentence], answers: Answers, style: TranslationStyle) -> TranslatedSegments:
    """A sentence that was not translated leaves its segments, and no others, as they were."""
    segments: list[Segment] = []
    missed: list[int] = []
    for sentence in sentences:
        lines = () if sentence.id in answers.untranslated else _laid(sentence, answers, style)
        segments += _segments(sentence, lines or _kept(sentence, answers))
        if lines:
            missed += _missed(sentence, answers.lines[sentence.id].text, style.terminology)
    return TranslatedSegments(
        tuple(segments),
        list(_ids(sentences, answers.untranslated)),
        list(_ids(sentences, answers.doubtful)),
        missed,
    )


def _laid(sentence: Sentence, answers: Answers, style: TranslationStyle) -> tuple[Line, ...] | None:
    return lay_back(sentence, answers.lines[sentence.id], preserve_format=style.preserve_format)


def _kept(sentence: Sentence, answers: Answers) -> tuple[Line, ...]:
    """What there is of a sentence that was not translated: the source, or the best answer to one segment."""
    if len(sentence.segments) == 1:
        return (replace(answers.lines[sentence.id], shorter=()),)
    return tuple(Line(segment.id, segment.text) for segment in sentence.segments)


def _segments(sentence: Sentence, lines: Sequence[Line]) -> Iterator[Segment]:
    for source, line in zip(sentence.segments, lines, strict=True):
        yield replace(
            source, text=line.text, shorter=line.shorter, original_text=source.text, confidence=None, words=()
        )


def _missed(sentence: Sentence, translated: str, terminology: Terminology) -> list[int]:
    """The segments with a term whose wording the sentence lacks; all of them if it runs over several."""
    missing = missing_terms(sentence.text, translated, terminology)
    ids = [
        segment.id for segment in sentence.segments if any(occurs(term, segment.text) for term, _ in missing)
    ]
    return ids or [segment.id for segment in sentence.segments if missing]


def _ids(sentences: Sequence[Sentence], wanted: frozenset[int]) -> Iterator[int]:
    return (segment.id for sentence in sentences if sentence.id in wanted for segment in sentence.segments)
