"""One batch translated so that every line comes back in its place, whatever the engine answers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.core.errors import Problem
from app.translation.checks import ARGUABLE, DOUBTFUL, UNUSABLE, Complaint, Fault, complaint
from app.translation.engines.base import Line, TranslationBatch, Translator
from app.translation.numbers import keeps_numbers
from app.translation.postprocessor import decreasing, review
from app.translation.preprocessor import alone, has_words
from app.translation.trust import Trust

ATTEMPTS = 3
# Of what may well be right as it is, one doubt is enough.
ATTEMPTS_FOR_ARGUABLE = 2


@dataclass(frozen=True, slots=True)
class TranslatedBatch:
    """A line for every line of the batch, in its order. The engine never gave a usable translation of those
    in `untranslated` (ids): they have what it gave, or their source text. Names, numbers, placeholders,
    structure or length of those in `doubtful` differ from the source. It is `unfinished` where some got no
    answer: another time they may."""

    lines: tuple[Line, ...]
    untranslated: tuple[int, ...]
    doubtful: tuple[int, ...] = ()
    unfinished: bool = False

    @property
    def owes_to_engine(self) -> bool:
        """Whether there is a line that an engine has translated."""
        return any(has_words(line.text) and line.id not in self.untranslated for line in self.lines)


async def translate_lines(
    translator: Translator, batch: TranslationBatch, model: str, trust: Trust | None = None
) -> TranslatedBatch:
    """Ask for the batch, then again for what is missing or wrong: each line by itself, among its neighbours.

    If that is all of it, the batch is asked for once more as a whole, unless the engine failed at that. Of
    several answers to a line the best is kept. Lines without words are kept as they are and not sent. An
    answer that makes no sense is none. Raises the engine's `Problem`s that the `trust` does not bear.
    """
    trust = trust or Trust()
    asked = replace(batch, lines=tuple(line for line in batch.lines if has_words(line.text)))
    best: dict[int, _Answer] = {}
    open_lines, failed = asked.lines, False
    for attempt in range(1, ATTEMPTS + 1):
        for request in _requests(asked, open_lines, together=not failed):
            answered = await _answered(translator, request, model, trust)
            failed = failed or answered is None
            for line in review(request, answered or ()).accepted:
                answer = _judged(line, asked)
                best[line.id] = min(best.get(line.id, answer), answer, key=_badness)
        open_lines = _open_lines(asked, best, attempt, heeded=translator.heeds_complaints)
        if not open_lines:
            break
    return TranslatedBatch(
        lines=tuple(best[line.id].line if line.id in best else line for line in batch.lines),
        untranslated=tuple(line.id for line in asked.lines if _fault(best.get(line.id)) in UNUSABLE),
        doubtful=tuple(line.id for line in asked.lines if _fault(best.get(line.id)) in DOUBTFUL),
        unfinished=any(line.id not in best for line in asked.lines),
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """A translated line and the worst that is wrong with it."""

    line: Line
    complaint: Complaint | None


async def _answered(
    translator: Translator, request: TranslationBatch, model: str, trust: Trust
) -> tuple[Line, ...] | None:
    """What the engine answered, None where it failed or is no longer worth asking."""
    if trust.is_lost:
        return None
    try:
        with trust.asking():
            lines = await translator.translate(request, model)
    except Problem as problem:
        trust.failed(problem)
        return None
    trust.answered()
    return lines


def _judged(line: Line, asked: TranslationBatch) -> _Answer:
    """A shorter wording may break no rule that the text keeps, or it is left out."""
    source = next(source.text for source in asked.lines if source.id == line.id)
    answer = _Answer(line, complaint(source, line.text, asked))
    sound = [
        wording
        for wording in line.shorter
        if keeps_numbers(line.text, wording) and complaint(source, wording, asked) in (None, answer.complaint)
    ]
    shorter = tuple(decreasing(line.text, sorted(sound, key=len, reverse=True)))
    return replace(answer, line=replace(line, shorter=shorter))


def _badness(answer: _Answer) -> int:
    return answer.complaint.fault if answer.complaint else 0


def _fault(answer: _Answer | None) -> Fault | None:
    if answer is None:
        return Fault.UNTRANSLATED
    return answer.complaint.fault if answer.complaint else None


def _open_lines(
    asked: TranslationBatch, best: Mapping[int, _Answer], attempt: int, *, heeded: bool
) -> tuple[Line, ...]:
    """The lines to ask for again after so many attempts, with what was wrong with the best answer."""
    open_lines = []
    for line in asked.lines:
        found = best[line.id].complaint if line.id in best else None
        if line.id not in best:
            open_lines.append(line)
        elif found and heeded and _is_worth(found, attempt):
            open_lines.append(replace(line, complaint=found.words))
    return tuple(open_lines)


def _is_worth(found: Complaint, attempt: int) -> bool:
    return found.fault not in ARGUABLE or attempt < ATTEMPTS_FOR_ARGUABLE


def _requests(
    asked: TranslationBatch, open_lines: tuple[Line, ...], *, together: bool
) -> tuple[TranslationBatch, ...]:
    """The whole batch while all of it is open and it can be asked for `together`, otherwise the open lines
    one by one."""
    if together and open_lines and len(open_lines) == len(asked.lines):
        return (replace(asked, lines=open_lines),)
    return tuple(alone(asked, line) for line in open_lines)
