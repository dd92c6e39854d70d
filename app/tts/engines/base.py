"""What a speech synthesis engine takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from app.media.audio import Audio

Gender = Literal["female", "male", "neutral"]


@dataclass(frozen=True, slots=True)
class Voice:
    """`languages` are the BCP 47 codes it speaks; empty means any (a multilingual voice)."""

    voice_id: str
    name: str
    gender: Gender
    languages: tuple[str, ...] = ()

    def speaks(self, language: str) -> bool:
        """Whether it speaks the language, regions aside: `en-GB` is spoken by an `en` voice."""
        base = language.split("-", maxsplit=1)[0]
        return not self.languages or any(known.split("-")[0] == base for known in self.languages)


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """`text` to say in `language` (BCP 47) with the voice named."""

    text: str
    language: str
    voice_id: str
    model: str


class TTSClient(Protocol):
    """Text to speech."""

    @property
    def name(self) -> str: ...

    @property
    def queue(self) -> Literal["api", "cpu"]:
        """`api` if calls wait on the network, `cpu` if they use this machine."""
        ...

    @property
    def model(self) -> str: ...

    def voices(self) -> Sequence[Voice]:
        """Every voice, the best for a language first among those that speak it."""
        ...

    @property
    def has_unlisted_voices(self) -> bool:
        """Whether a voice that is not among `voices` may be asked for all the same."""
        ...

    async def speak(self, request: SpeechRequest) -> Audio:
        """Mono. Raises `Problem` when the engine refuses, fails or cannot be reached."""
        ...
