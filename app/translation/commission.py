"""What a translation comes to: who does it, how, and in which batches."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter

from app.ledger.usage import Usage
from app.memo import Unit
from app.translation.engines.base import Line, TranslationBatch, TranslationStyle, Translator
from app.translation.preprocessor import batches
from app.translation.schemas import TranslateSubtitles
from app.translation.sentences import Sentence
from app.translation.trust import Trust

TITLE_ID = -1
_BATCH = TypeAdapter(TranslationBatch)
# A segment moved a little is no reason to translate it again.
_UNREMEMBERED = {name: {"__all__": {"seconds"}} for name in ("lines", "before", "after")}


@dataclass(frozen=True, slots=True)
class Commission:
    """What is translated, by whom and how."""

    engine: Translator
    model: str
    source: str
    target: str
    style: TranslationStyle
    trust: Trust = field(default_factory=Trust)

    @classmethod
    def of(cls, engine: Translator, request: TranslateSubtitles, source_language: str) -> "Commission":
        style = request.options.as_style()
        model = engine.model_for(request.model)
        return cls(engine, model, source_language, request.target_language, style)

    def body(self, units: Sequence[Sentence]) -> tuple[TranslationBatch, ...]:
        lines = [unit.as_line() for unit in units]
        return batches(lines, self.source, self.target, size=self.engine.batch_size, style=self.style)

    def title(self, title: str) -> TranslationBatch:
        """By itself, since its neighbours are no context for it, and never spoken."""
        (batch,) = batches([Line(TITLE_ID, title)], self.source, self.target, size=1, style=self.style)
        return replace(batch, shorter_wordings=0)

    def unit(self, batch: TranslationBatch) -> Unit:
        """What the memo knows its translation by."""
        content = hashlib.sha256(_BATCH.dump_json(batch, exclude=_UNREMEMBERED)).hexdigest()
        return Unit(kind="translation", engine=self.engine.name, model=self.model, content=content)

    def expected(self, batch: TranslationBatch) -> Usage:
        """What its first call should use; few batches take another."""
        return self.engine.expected(batch, self.model)
