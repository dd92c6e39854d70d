"""What a translation engine takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from app.ledger.usage import Usage


@dataclass(frozen=True, slots=True)
class Line:
    """One subtitle's text under the id of its segment.

    Of a translation, `shorter` are wordings that say the same in fewer words, the longest first. Of a source
    line, `seconds` is the time there is to say it, and `complaint`, of one asked for again, what was wrong
    with the answer before.
    """

    id: int
    text: str
    shorter: tuple[str, ...] = ()
    seconds: float | None = None
    complaint: str | None = None


@dataclass(frozen=True, slots=True)
class LongLine:
    """A translated `text` that takes too long to say, and the `most_characters` that would fit.

    `source_text` is what it translates, where that is known.
    """

    text: str
    source_text: str | None
    source_language: str
    target_language: str
    most_characters: int


@dataclass(frozen=True, slots=True)
class TranslationStyle:
    """How to translate: `terminology` pairs a source term with the wording wanted for it."""

    tone: str | None = None
    context: str | None = None
    terminology: tuple[tuple[str, str], ...] = ()
    preserve_format: bool = True


@dataclass(frozen=True, slots=True)
class TranslationBatch:
    """Lines to translate, with the lines `before` and `after` them as context only.

    Languages are BCP 47 codes. `shorter_wordings` is how many are wanted for each line beside its text.
    """

    source_language: str
    target_language: str
    lines: tuple[Line, ...]
    before: tuple[Line, ...] = ()
    after: tuple[Line, ...] = ()
    style: TranslationStyle = TranslationStyle()
    shorter_wordings: int = 2


class Translator(Protocol):
    """Lines of one language to lines of another, by id."""

    @property
    def name(self) -> str: ...

    @property
    def queue(self) -> Literal["api", "cpu"]:
        """`api` if calls wait on the network, `cpu` if they use this machine."""
        ...

    @property
    def batch_size(self) -> int:
        """Lines a request carries at best."""
        ...

    @property
    def heeds_complaints(self) -> bool:
        """Whether a line asked for again may come back better; if not, its first translation stands."""
        ...

    def model_for(self, requested: str | None) -> str:
        """The model that really runs for the name a client asked for."""
        ...

    def pairs(self) -> Sequence[tuple[str, str]] | None:
        """Source and target languages (BCP 47), or None if it does not say."""
        ...

    def check_pair(self, source: str, target: str) -> None:
        """Raises `Problem(LANGUAGE_PAIR_UNSUPPORTED)` saying what to install or set."""
        ...

    def expected(self, batch: TranslationBatch, model: str) -> Usage:
        """What a call for the batch should use."""
        ...

    async def translate(self, batch: TranslationBatch, model: str) -> tuple[Line, ...]:
        """The lines the engine gave, whichever they are: missing, doubled or unknown ids are for the
        caller to mend. Raises `Problem` when the engine refuses, fails or cannot be reached."""
        ...

    async def shorten(self, line: LongLine, model: str) -> str | None:
        """The line said in fewer words, or None if the engine has no better one. Raises as `translate`."""
        ...
