"""Small deterministic engines behind the application's own protocols: no models, no network."""

import asyncio
import math
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np

from app.ledger.usage import Usage
from app.media.audio import Audio
from app.media.clip import clip_seconds
from app.subtitles.engines.base import (
    ClipLimits,
    Transcript,
    TranscriptionOptions,
    TranscriptSegment,
    Word,
)
from app.translation.engines.base import Line, LongLine, TranslationBatch
from app.tts.engines.base import SpeechRequest, Voice

SENTENCES = (
    "The train leaves the station at noon.",
    "Nobody saw the grey cat on the roof.",
    "We should open the window a little.",
    "Every morning she reads the paper.",
)
_SUFFIXES = {
    "ko": "요",
    "ja": "です",
    "zh": "了",
    "es": "os",
    "fr": "eau",
    "de": "ung",
    "it": "ini",
    "pt": "inho",
    "ru": "ый",
    "ar": "ون",
    "hi": "ना",
    "th": "ครับ",
    "el": "ος",
    "he": "ים",
}
_WORD = re.compile(r"[^\W\d_]+")
_CODE = r"</?\w+[^<>]*>|\{[^{}]*\}|%\w|https?://\S+|\S+@\S+"
_SHARES = (0.8, 0.6)


class ScriptedTranscriber:
    """Hears the transcript it was given or, without one, a sentence every three seconds."""

    name: Final = "scripted"
    queue: Final = "cpu"

    def __init__(self, script: Transcript | None = None) -> None:
        self._script = script

    def model_for(self, requested: str | None) -> str:
        return requested or "scripted"

    def limits(self, model: str) -> ClipLimits:
        return ClipLimits(seconds=600.0, timestamps=True, audio_format="flac")

    def languages(self) -> None:
        return None

    async def transcribe(self, audio: Path, options: TranscriptionOptions) -> Transcript:
        if self._script is not None:
            return self._script
        seconds = await asyncio.to_thread(clip_seconds, audio)
        return Transcript(language=options.language or "en", segments=tuple(_sentences(seconds)))


class SuffixTranslator:
    """Another language by ending every word differently: `the cat` is `theos catos` in Spanish.

    The terminology's words are used as they are. `SuffixTranslator.undo` gives the source back. A shorter
    wording lacks the last words.
    """

    name: Final = "suffix"
    queue: Final = "cpu"
    batch_size = 25
    heeds_complaints = False

    def model_for(self, requested: str | None) -> str:
        return requested or "suffix"

    def pairs(self) -> None:
        return None

    def check_pair(self, source: str, target: str) -> None:
        """Any pair will do."""

    def expected(self, batch: TranslationBatch, model: str) -> Usage:
        return Usage(self.name, "translation", model)

    async def translate(self, batch: TranslationBatch, model: str) -> tuple[Line, ...]:
        terms = dict(batch.style.terminology)
        texts = {line.id: self.do(line.text, batch.target_language, terms) for line in batch.lines}
        shares = _SHARES[: batch.shorter_wordings]
        return tuple(Line(number, text, self.shorter(text, *shares)) for number, text in texts.items())

    async def shorten(self, line: LongLine, model: str) -> str | None:
        return self.cut(line.text, line.most_characters)

    @classmethod
    def shorter(cls, text: str, *shares: float) -> tuple[str, ...]:
        """The wordings of at most these shares of the length, each once."""
        wordings = (cls.cut(text, int(share * len(text))) for share in shares)
        return tuple(dict.fromkeys(wording for wording in wordings if wording))

    @staticmethod
    def cut(text: str, most_characters: int) -> str | None:
        """As many words from the start as fit; None if not even the first does."""
        words = text.split()
        while words and len(" ".join(words)) > most_characters:
            words.pop()
        return " ".join(words) or None

    @staticmethod
    def do(text: str, language: str, terms: dict[str, str] | None = None) -> str:
        terms = terms or {}
        wanted = re.compile("|".join([*map(re.escape, terms), f"(?P<code>{_CODE})", _WORD.pattern]))
        suffix = _suffix(language)
        return wanted.sub(lambda word: word["code"] or terms.get(word[0], word[0] + suffix), text)

    @staticmethod
    def undo(text: str, language: str) -> str:
        return _WORD.sub(lambda word: word[0].removesuffix(_suffix(language)), text)


class Holding:
    """Keeps what has the held text back until that is released."""

    def __init__(self) -> None:
        self._held: str | None = None
        self._released = threading.Event()

    def hold(self, text: str) -> None:
        self._held = text
        self._released.clear()

    def release(self) -> None:
        self._held = None
        self._released.set()

    async def passed(self, *texts: str) -> None:
        if self._held is not None and any(self._held in text for text in texts):
            await asyncio.to_thread(self._released.wait)


class HeldTranslator(Holding, SuffixTranslator):
    """Keeps whole batches back."""

    async def translate(self, batch: TranslationBatch, model: str) -> tuple[Line, ...]:
        await self.passed(*(line.text for line in batch.lines))
        return await super().translate(batch, model)


class ToneVoice:
    """A tone of 60 ms for every character between 100 ms of silence; each voice has a pitch of its own."""

    name: Final = "tone"
    queue: Final = "cpu"
    has_unlisted_voices: Final = False
    model = "tone"
    sample_rate = 24_000
    seconds_per_character = 0.06
    silence = 0.1

    def voices(self) -> tuple[Voice, ...]:
        return (Voice("tone", "Tone", "neutral"),)

    async def speak(self, request: SpeechRequest) -> Audio:
        length = round(self.seconds(request.text) * self.sample_rate)
        pitch = 120 + crc32(request.voice_id.encode()) % 120
        tone = 0.3 * np.sin(2 * math.pi * pitch * np.arange(length) / self.sample_rate)
        quiet = round(self.silence * self.sample_rate)
        return Audio(np.pad(tone.astype(np.float32), quiet), self.sample_rate)

    def seconds(self, text: str) -> float:
        return len(text) * self.seconds_per_character


class DrawnVoice(ToneVoice):
    """Takes about 1.3 times as long as a `ToneVoice`, and for some lines much longer. How much is drawn by
    the line's first words, so that a shorter wording that begins alike is spoken at the same pace."""

    def seconds(self, text: str) -> float:
        beginning = " ".join(text.split()[:2])
        drawn = np.random.default_rng(crc32(beginning.encode())).lognormal(mean=0.2, sigma=0.35)
        return float(super().seconds(text) * drawn)


class HeldVoice(Holding, DrawnVoice):
    """Keeps single lines back."""

    async def speak(self, request: SpeechRequest) -> Audio:
        await self.passed(request.text)
        return await super().speak(request)


class MixedVoices(ToneVoice):
    """Each voice is a `ToneVoice` but for `DRAWN`, which is a `DrawnVoice`."""

    DRAWN: Final = "shimmer"

    async def speak(self, request: SpeechRequest) -> Audio:
        voice = DrawnVoice() if request.voice_id == self.DRAWN else ToneVoice()
        return await voice.speak(request)


def _suffix(language: str) -> str:
    return _SUFFIXES.get(language.split("-", maxsplit=1)[0], "um")


def _sentences(seconds: float) -> Iterator[TranscriptSegment]:
    for index, start in enumerate(np.arange(0.2, seconds, 3.0).tolist()):
        text = SENTENCES[index % len(SENTENCES)]
        end = min(start + 2.4, seconds)
        yield TranscriptSegment(
            start=start,
            end=end,
            text=text,
            average_log_probability=-0.2,
            no_speech_probability=0.01,
            compression_ratio=1.1,
            words=tuple(_words(text, start, end)),
        )


def _words(text: str, start: float, end: float) -> Iterator[Word]:
    words = text.split()
    step = (end - start) / len(words)
    for index, word in enumerate(words):
        yield Word(start + index * step, start + (index + 1) * step, word, probability=0.9)
