"""What a speech recognition engine takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Word:
    """A spoken word; `start` and `end` in seconds, `text` without surrounding blanks."""

    start: float
    end: float
    text: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class TranscriptSegment:
    """A stretch of speech; `start` and `end` in seconds on the clock of the audio it was heard in.

    `speaker` is a label that means the same person within one recording that was transcribed. One that is
    `untimed` is all that the engine heard there, and its times are the recording's.
    """

    start: float
    end: float
    text: str
    average_log_probability: float | None = None
    no_speech_probability: float | None = None
    compression_ratio: float | None = None
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    untimed: bool = False


@dataclass(frozen=True, slots=True)
class Transcript:
    """`language` is a BCP 47 code, or None where the engine does not tell."""

    language: str | None
    segments: tuple[TranscriptSegment, ...]


@dataclass(frozen=True, slots=True)
class TranscriptionOptions:
    """`language` None asks the engine to detect it; `temperature` from 0 to 1."""

    model: str
    language: str | None = None
    temperature: float = 0.0
    words: bool = False


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """How audio has to be cut for an engine: `seconds` per clip at most, whether the engine gives times
    of its own, and the container and codec it is best fed with (`wav`, `flac` or `ogg`)."""

    seconds: float
    timestamps: bool
    audio_format: Literal["wav", "flac"]


class Transcriber(Protocol):
    """Speech in an audio file to text with times."""

    @property
    def name(self) -> str: ...

    @property
    def queue(self) -> Literal["api", "cpu"]:
        """`api` if calls wait on the network, `cpu` if they use this machine."""
        ...

    def model_for(self, requested: str | None) -> str:
        """The model that really runs for the name a client asked for."""
        ...

    def limits(self, model: str) -> ClipLimits: ...

    def languages(self) -> Sequence[str] | None:
        """BCP 47 codes it can hear, or None if it does not say."""
        ...

    async def transcribe(self, audio: Path, options: TranscriptionOptions) -> Transcript:
        """Raises `Problem` when the engine refuses, fails or cannot be reached."""
        ...
