"""Robotic speech on this machine in about a hundred languages: espeak-ng, through its C interface."""

import asyncio
import ctypes
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from app.core.errors import ErrorCode, Problem
from app.media.audio import Audio
from app.tts.engines.base import Gender, SpeechRequest, Voice
from app.tts.engines.speakable import silence, spoken_text

# From speak_lib.h
AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_DONT_EXIT = 0x8000
POSITION_CHARACTER = 1
CHARACTERS_UTF8 = 1
OK = 0
FULL_SCALE = 32768.0

# espeak names a voice by language and region, with a sex put on by a variant.
VARIANTS: tuple[tuple[Gender, str], ...] = (("male", ""), ("female", "+f2"))
LANGUAGE_AND_REGION = re.compile(r"[a-z]{2,3}(-([A-Z]{2}|\d{3}))?")
BCP_47_NAMES = {"cmn": ("zh",), "en": ("en-GB",), "nb": ("nb", "no")}
FIRST_CHOICES = frozenset({"en-US"})
CONSTRUCTED = re.compile(r"art/(?!eo|ia)")
ROMANISATION = re.compile(r", latin as \w+")
UNREADABLE = frozenset({"ja", "chr", "fo", "kaa"})  # "Chinese letter" for each kanji; no dictionary

SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

# The C library keeps its voice in globals: one call at a time, whoever makes it.
_one_at_a_time = threading.Lock()


class _VoiceStruct(ctypes.Structure):
    """`espeak_VOICE`"""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """`name` is what espeak knows the voice by."""

    voice: Voice
    name: str


class EspeakClient:
    """espeak-ng: small and instant; how well it is understood differs much between languages.

    The library is loaded on first use, in a few milliseconds.
    """

    name: Final = "espeak-ng"
    queue: Final = "cpu"
    has_unlisted_voices: Final = False
    model = "espeak-ng"

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="espeak")

    @cached_property
    def _library(self) -> "Library":
        return Library()

    @cached_property
    def _voices(self) -> dict[str, EspeakVoice]:
        return {known.voice.voice_id: known for known in self._library.voices()}

    def voices(self) -> Sequence[Voice]:
        """A male and a female voice for each language and region."""
        return [known.voice for known in self._voices.values()]

    async def speak(self, request: SpeechRequest) -> Audio:
        """Mono, 22.05 kHz. Raises `Problem`: VOICE_NOT_FOUND, LANGUAGE_UNSUPPORTED, PROCESSING_ERROR."""
        known = self._voices.get(request.voice_id)
        if known is None:
            raise Problem(ErrorCode.VOICE_NOT_FOUND, voice_id=request.voice_id, language=request.language)
        if not known.voice.speaks(request.language):
            raise Problem(ErrorCode.LANGUAGE_UNSUPPORTED, stage="speech", language=request.language)
        text = spoken_text(request.text)
        if not text:
            return silence(self._library.sample_rate)
        loop = asyncio.get_running_loop()
        audio = await loop.run_in_executor(self._worker, self._library.synthesise, text, known.name)
        return audio if audio.samples.any() else silence(audio.sample_rate)


class Library:
    """The parts of espeak-ng's C interface that are used here, each return code checked."""

    def __init__(self) -> None:
        import espeakng_loader

        self._pcm = bytearray()
        self._callback = SynthCallback(self._collect)  # C keeps its address, so it has to live on
        self._c = ctypes.CDLL(espeakng_loader.get_library_path())
        self._c.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceStruct))
        data = espeakng_loader.get_data_path().encode()
        with _one_at_a_time:
            self.sample_rate = int(
                self._c.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, data, INITIALIZE_DONT_EXIT)
            )
        if self.sample_rate <= 0:
            raise _failure("espeak_Initialize", self.sample_rate)

    def voices(self) -> list[EspeakVoice]:
        """Those of living languages that it can read; a language's main voice before its regions'."""
        with _one_at_a_time:
            found = list(self._listed())
        found.sort(key=lambda entry: (entry[1].split("-")[0], entry[1] not in FIRST_CHOICES, "-" in entry[1]))
        return [_voice(title, name, *variant) for title, name in found for variant in VARIANTS]

    def synthesise(self, text: str, voice: str) -> Audio:
        data = text.encode() + b"\0"
        with _one_at_a_time:
            self._pcm.clear()
            self._c.espeak_SetSynthCallback(self._callback)
            _check("espeak_SetVoiceByName", self._c.espeak_SetVoiceByName(voice.encode()))
            _check(
                "espeak_Synth",
                self._c.espeak_Synth(data, len(data), 0, POSITION_CHARACTER, 0, CHARACTERS_UTF8, None, None),
            )
            samples = np.frombuffer(bytes(self._pcm), dtype=np.int16)
        return Audio(samples.astype(np.float32) / np.float32(FULL_SCALE), self.sample_rate)

    def _collect(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: int) -> int:
        if samples and count:
            self._pcm += ctypes.string_at(samples, count * ctypes.sizeof(ctypes.c_short))
        return 0

    def _listed(self) -> Iterator[tuple[str, str]]:
        """Titles and names; the list ends with a null pointer."""
        listed = self._c.espeak_ListVoices(None)
        index = 0
        while listed[index]:
            entry = listed[index].contents
            identifier = entry.identifier.decode()
            name = identifier.rpartition("/")[2]
            readable = LANGUAGE_AND_REGION.fullmatch(name) and name not in UNREADABLE
            if readable and not CONSTRUCTED.match(identifier):
                yield entry.name.decode(), name
            index += 1


def _voice(title: str, name: str, gender: Gender, variant: str) -> EspeakVoice:
    languages = BCP_47_NAMES.get(name, (name,))
    voice_id = f"espeak-{languages[0].lower()}-{gender}"
    shown = f"{ROMANISATION.sub('', title).strip()}, {gender} (eSpeak)"
    return EspeakVoice(Voice(voice_id, shown, gender, languages), name + variant)


def _check(call: str, code: int) -> None:
    if code != OK:
        raise _failure(call, code)


def _failure(call: str, code: int) -> Problem:
    return Problem(ErrorCode.PROCESSING_ERROR, reason=f"{call} returned {code}")
