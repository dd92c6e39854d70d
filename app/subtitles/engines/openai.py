"""Speech recognition by OpenAI's transcription API, or a server that speaks it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.core.languages import base_language
from app.core.openai_client import OpenAIClient
from app.ledger.usage import Usage, UsageRecorder
from app.media.clip import clip_seconds
from app.subtitles.engines.base import ClipLimits, Transcript, TranscriptionOptions
from app.subtitles.engines.response_parser import parse_transcription

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    _Ask = Callable[[AsyncOpenAI, Path, TranscriptionOptions], Awaitable[object]]

# FLAC loses nothing and takes a fifth of the work of Opus; ten minutes cannot reach the API's 25 MB.
_TIMED = ClipLimits(seconds=600.0, timestamps=True, audio_format="flac")
_UNTIMED = ClipLimits(seconds=30.0, timestamps=False, audio_format="flac")
_TEXT_ONLY_MODEL = re.compile(r"gpt-.*transcribe(?!.*diarize)")
_DIARIZING_MODEL = re.compile(r".*diarize")


class WhisperClient:
    """A `Transcriber`. `default_model` runs when a client names none, or one that is retired."""

    name: Final = "openai"
    queue: Final = "api"

    def __init__(self, client: OpenAIClient, default_model: str, ledger: UsageRecorder) -> None:
        self._client = client
        self._default_model = default_model
        self._ledger = ledger

    def model_for(self, requested: str | None) -> str:
        return self._client.resolve_model(requested, self._default_model)

    def limits(self, model: str) -> ClipLimits:
        """Clips of half a minute for the models that give text without times, so that the cuts time it."""
        return _UNTIMED if _TEXT_ONLY_MODEL.match(model) else _TIMED

    def languages(self) -> None:
        return None

    async def transcribe(self, audio: Path, options: TranscriptionOptions) -> Transcript:
        """Words come whether or not they were asked for, where the model gives times at all.

        A model that tells speakers apart gives segments with labels that hold for this recording only,
        and no words.
        """
        duration = await asyncio.to_thread(clip_seconds, audio)
        expected = Usage(self.name, "transcription", options.model, audio_seconds=duration)
        ask = self._ask_for(options.model)

        def read(answer: object) -> tuple[Transcript, Usage]:
            transcript = parse_transcription(answer, model=options.model, duration=duration)
            return transcript, _used(answer, expected)

        async with self._ledger.spending(expected) as spending:
            transcript, used = await self._client.call(
                options.model, lambda sdk: ask(sdk, audio, options), read
            )
            await spending.settle(used)
        return transcript

    def _ask_for(self, model: str) -> "_Ask":
        if _DIARIZING_MODEL.match(model):
            return _with_speakers
        return _with_times if self.limits(model).timestamps else _text_only


def _used(answer: object, expected: Usage) -> Usage:
    """As the server tells it: seconds, or tokens."""
    usage = getattr(answer, "usage", None)
    return replace(
        expected,
        audio_seconds=getattr(usage, "seconds", None),
        input_tokens=getattr(usage, "input_tokens", None),
        output_tokens=getattr(usage, "output_tokens", None),
    )


async def _with_times(sdk: "AsyncOpenAI", audio: Path, options: TranscriptionOptions) -> object:
    from openai import omit

    return await sdk.audio.transcriptions.create(
        file=audio,
        model=options.model,
        language=base_language(options.language) if options.language else omit,
        temperature=options.temperature,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )


async def _with_speakers(sdk: "AsyncOpenAI", audio: Path, options: TranscriptionOptions) -> object:
    from openai import omit

    return await sdk.audio.transcriptions.create(
        file=audio,
        model=options.model,
        language=base_language(options.language) if options.language else omit,
        temperature=options.temperature,
        response_format="diarized_json",
        chunking_strategy="auto",
    )


async def _text_only(sdk: "AsyncOpenAI", audio: Path, options: TranscriptionOptions) -> object:
    from openai import omit

    return await sdk.audio.transcriptions.create(
        file=audio,
        model=options.model,
        language=base_language(options.language) if options.language else omit,
        temperature=options.temperature,
        response_format="json",
    )
