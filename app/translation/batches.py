"""One batch translated so that every line comes back in its place, whatever the engine answers."""

from dataclasses import dataclass, replace

from app.translation.engines.base import Line, TranslationBatch, Translator
from app.translation.postprocessor import review
from app.translation.preprocessor import alone, has_words

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class TranslatedBatch:
    """A line for every line of the batch, in its order; those in `untranslated` (ids) kept their source
    text because the engine never gave them a usable one."""

    lines: tuple[Line, ...]
    untranslated: tuple[int, ...]


async def translate_lines(
    translator: Translator, batch: TranslationBatch, model: str, attempts: int = ATTEMPTS
) -> TranslatedBatch:
    """Ask for the batch, then again for what is missing: each line by itself, among its neighbours.

    If nothing at all could be read, the batch is asked for once more as a whole. Lines without words are
    kept as they are and not sent. Raises the engine's `Problem`s; an answer that makes no sense is none.
    """
    asked = replace(batch, lines=tuple(line for line in batch.lines if has_words(line.text)))
    done: dict[int, Line] = {}
    open_lines = asked.lines
    for _ in range(attempts):
        for request in _requests(asked, open_lines):
            answer = review(request, await translator.translate(request, model))
            done |= {line.id: line for line in answer.accepted}
        open_lines = tuple(line for line in asked.lines if line.id not in done)
        if not open_lines:
            break
    return TranslatedBatch(
        lines=tuple(done.get(line.id, line) for line in batch.lines),
        untranslated=tuple(line.id for line in open_lines),
    )


def _requests(asked: TranslationBatch, open_lines: tuple[Line, ...]) -> tuple[TranslationBatch, ...]:
    """The whole batch while nothing of it is translated, the open lines one by one afterwards."""
    if open_lines and open_lines == asked.lines:
        return (asked,)
    return tuple(alone(asked, line) for line in open_lines)
