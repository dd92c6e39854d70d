"""The built-in voices: Kokoro where it speaks a language well, espeak-ng everywhere else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.media.audio import Audio
from app.tts.engines.base import SpeechRequest, TTSClient, Voice
from app.tts.engines.espeak import EspeakClient
from app.tts.engines.kokoro import KokoroClient


class LocalSpeech:
    """The voices of both engines under one roof."""

    name: Final = "local"
    queue: Final = "cpu"
    has_unlisted_voices: Final = False
    model = f"{KokoroClient.model}+{EspeakClient.model}"

    def __init__(self, models_dir: Path) -> None:
        self._kokoro = KokoroClient(models_dir)
        self._espeak = EspeakClient()

    def voices(self) -> Sequence[Voice]:
        """Every voice, the best for a language first among those that speak it."""
        return [*self._kokoro.voices(), *self._espeak.voices()]

    async def speak(self, request: SpeechRequest) -> Audio:
        """Mono, at the voice's own sample rate.

        Raises `Problem`: VOICE_NOT_FOUND, LANGUAGE_UNSUPPORTED, MODEL_UNAVAILABLE, PROCESSING_ERROR.
        """
        engine: TTSClient = self._kokoro if request.voice_id.startswith("kokoro-") else self._espeak
        return await engine.speak(request)
