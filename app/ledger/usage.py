"""What a call to an engine used, and the engines' side of the book that it goes into."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Literal, Protocol

UsageKind = Literal["transcription", "translation", "speech"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one call; None for what does not apply or is not known."""

    engine: str
    kind: UsageKind
    model: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    audio_seconds: float | None = None
    characters: int | None = None

    def completed_by(self, expected: "Usage") -> "Usage":
        """With what was expected in place of what the server did not tell."""
        return replace(
            self,
            input_tokens=expected.input_tokens if self.input_tokens is None else self.input_tokens,
            output_tokens=expected.output_tokens if self.output_tokens is None else self.output_tokens,
            audio_seconds=expected.audio_seconds if self.audio_seconds is None else self.audio_seconds,
            characters=expected.characters if self.characters is None else self.characters,
        )


class Spending(Protocol):
    """A call under way."""

    async def settle(self, used: Usage) -> None:
        """The call was answered, and so is paid for, whatever the answer is worth. It is in the book on
        return."""
        ...


class UsageRecorder(Protocol):
    """What engines tell of their calls."""

    def spending(self, expected: Usage) -> AbstractAsyncContextManager[Spending]:
        """Around one call. Raises `Problem` in place of a call that may not be made: COST_LIMIT_REACHED for a
        task, QUOTA_REACHED for a project or, where a limit cannot be kept, PRICE_UNKNOWN."""
        ...
