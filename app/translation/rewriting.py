"""A translated line said in fewer words, once it is known how long it takes to say."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import TypeAdapter

from app.core.errors import ErrorCode, Problem
from app.memo import Memo, Unit
from app.translation.engines.base import LongLine, Translator
from app.translation.numbers import keeps_numbers
from app.translation.preprocessor import has_words, normalise

_LINE = TypeAdapter(LongLine)
_NO_ANSWER = frozenset(
    (ErrorCode.ENGINE_REFUSED, ErrorCode.ENGINE_BAD_ANSWER, ErrorCode.LANGUAGE_PAIR_UNSUPPORTED)
)


@dataclass(frozen=True)
class Rewriter:
    """Asks for each shorter wording once: the same line at the same length is remembered."""

    memo: Memo
    translator: Callable[[], Translator]

    async def shorten(self, line: LongLine, requested_model: str | None) -> str | None:
        """A shorter wording, not always as short as wanted; None if there is nothing better.

        Raises `Problem` where no other line would fare better: the engine is not configured, cannot be
        reached, or does not let us in.
        """
        engine = self.translator()
        model = engine.model_for(requested_model)
        content = hashlib.sha256(_LINE.dump_json(line)).hexdigest()
        unit = Unit(kind="rewriting", engine=engine.name, model=model, content=content)

        async def rewrite() -> bytes:
            return (await engine.shorten(line, model) or "").encode()

        try:
            answer = await self.memo.recall(unit, rewrite, costly=True)
            wording = " ".join(normalise(answer.decode()).split())
        except Problem as problem:
            if problem.code in _NO_ANSWER:
                return None
            raise
        return wording if is_better(wording, line) else None


def is_better(wording: str, line: LongLine) -> bool:
    """Whether it is shorter than before, still says something and keeps the numbers."""
    shorter = len(wording) < len(line.text)
    return shorter and has_words(wording) and keeps_numbers(line.text, wording)
