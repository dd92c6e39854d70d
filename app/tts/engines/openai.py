"""Speech synthesis by OpenAI's speech API, or by a server that speaks it."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from app.core.concurrency import seen_through
from app.core.errors import ErrorCode, Problem
from app.core.openai_client import OpenAIClient
from app.ledger.usage import Usage, UsageRecorder
from app.media.audio import Audio, UnreadableAudio, read_audio
from app.tts.engines.base import SpeechRequest, Voice
from app.tts.engines.speakable import silence, spoken_text
from app.tts.wording import LengthEstimate

if TYPE_CHECKING:
    from openai import HttpxBinaryResponseContent

MAX_CHARACTERS = 4096
_PCM_RATE = 24_000
_BYTES_PER_TOKEN = 4
# WAV, Ogg, FLAC, MP3 with and without a tag, AAC
_FILE_MARKS = (
    b"RIFF",
    b"OggS",
    b"fLaC",
    b"ID3",
    b"\xff\xfb",
    b"\xff\xf3",
    b"\xff\xf2",
    b"\xff\xf1",
    b"\xff\xf9",
)
# Expected of a slow voice that pauses before and after: better too much than more than a limit allows.
_SLOW, _SILENCE_SECONDS = 1.5, 1.0
_SENTENCE = re.compile(r"[^.!?。！？…]*[.!?。！？…]+[\"'”’」』)]*\s*|[^.!?。！？…]+$")
_NEWER_VOICES = frozenset({"marin", "cedar", "ballad", "verse"})
_VOICES = (
    Voice("marin", "Marin", "female"),
    Voice("cedar", "Cedar", "male"),
    Voice("alloy", "Alloy", "neutral"),
    Voice("ash", "Ash", "male"),
    Voice("ballad", "Ballad", "male"),
    Voice("coral", "Coral", "female"),
    Voice("echo", "Echo", "male"),
    Voice("fable", "Fable", "neutral"),
    Voice("nova", "Nova", "female"),
    Voice("onyx", "Onyx", "male"),
    Voice("sage", "Sage", "female"),
    Voice("shimmer", "Shimmer", "female"),
    Voice("verse", "Verse", "male"),
)


class OpenAISpeech:
    """A `TTSClient`. Its voices speak every language; a compatible server may have others besides."""

    name: Final = "openai"
    queue: Final = "api"

    def __init__(self, client: OpenAIClient, model: str, ledger: UsageRecorder) -> None:
        self._client = client
        self.model = model
        self._ledger = ledger

    def voices(self) -> tuple[Voice, ...]:
        """The built-in voices of the model: only OpenAI's own newer models have the newer ones."""
        if self.model.startswith("gpt-"):
            return _VOICES
        return tuple(voice for voice in _VOICES if voice.voice_id not in _NEWER_VOICES)

    @property
    def has_unlisted_voices(self) -> bool:
        return self._client.is_compatible_server

    async def speak(self, request: SpeechRequest) -> Audio:
        """At the rate the server chose. A text too long for one call is cut between sentences.

        Nothing to say is silence and no call: there are servers that fail at punctuation alone.
        """
        self._check_voice(request)
        parts = [await self._speak(text, request) for text in split_text(spoken_text(request.text))]
        return await seen_through(asyncio.to_thread(_joined, parts)) if parts else silence(_PCM_RATE)

    def _check_voice(self, request: SpeechRequest) -> None:
        known = any(voice.voice_id == request.voice_id for voice in self.voices())
        if not known and not self.has_unlisted_voices:
            raise Problem(ErrorCode.VOICE_NOT_FOUND, voice_id=request.voice_id, language=request.language)

    async def _speak(self, text: str, request: SpeechRequest) -> Audio:
        expected = _expected(text, request)
        async with self._ledger.spending(expected) as spending:
            audio = await self._ask(text, request)
            await spending.settle(replace(expected, audio_seconds=audio.duration))
        return audio

    async def _ask(self, text: str, request: SpeechRequest) -> Audio:
        # WAV rather than bare PCM: other servers have voices of other sample rates.
        return await self._client.call(
            request.model,
            lambda sdk: sdk.audio.speech.create(
                input=text, model=request.model, voice=request.voice_id, response_format="wav"
            ),
            partial(_audio, request.model),
            tokens=len(text.encode()) // _BYTES_PER_TOKEN,
        )


def _expected(text: str, request: SpeechRequest) -> Usage:
    seconds = LengthEstimate(request.language).seconds(text, request.voice_id) * _SLOW + _SILENCE_SECONDS
    return Usage("openai", "speech", request.model, audio_seconds=seconds, characters=len(text))


def split_text(text: str, limit: int = MAX_CHARACTERS) -> tuple[str, ...]:
    """Pieces of at most `limit` characters, cut between sentences if possible, else between words."""
    pieces: list[str] = []
    for part in _parts(text, limit):
        if pieces and len(pieces[-1]) + len(part) <= limit:
            pieces[-1] += part
        else:
            pieces.append(part)
    return tuple(stripped for piece in pieces if (stripped := piece.strip()))


def _parts(text: str, limit: int) -> Iterator[str]:
    for sentence in _SENTENCE.findall(text):
        if len(sentence) <= limit:
            yield sentence
            continue
        for word in re.findall(r"\S+\s*|\s+", sentence):
            yield from (word[start : start + limit] for start in range(0, len(word), limit))


def _audio(model: str, answer: "HttpxBinaryResponseContent") -> Audio:
    kind = answer.response.headers.get("content-type", "")
    if kind.startswith(("text/", "application/json")):
        raise Problem(ErrorCode.ENGINE_BAD_ANSWER, model=model, reason=f"{kind} is no audio")
    try:
        return _decode(answer.content)
    except UnreadableAudio as error:
        raise Problem(ErrorCode.ENGINE_BAD_ANSWER, model=model, reason=str(error)) from error


def _decode(content: bytes) -> Audio:
    """By what the bytes are, whatever was asked for; without a file's mark they are 24 kHz 16-bit PCM."""
    if not content:
        raise UnreadableAudio("the answer is empty")
    if content.startswith(_FILE_MARKS):
        return read_audio(content)
    whole = content[: len(content) // 2 * 2]
    return Audio(np.frombuffer(whole, "<i2").astype(np.float32) / np.float32(32768), _PCM_RATE)


def _joined(parts: list[Audio]) -> Audio:
    """One after the other; a voice keeps its sample rate from call to call."""
    return Audio(np.concatenate([part.samples for part in parts]), parts[0].sample_rate)
