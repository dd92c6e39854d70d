"""The built-in speech recognition, on real speech."""

import asyncio
import time
from pathlib import Path

import pytest
from faster_whisper import decode_audio

from app.core.errors import ErrorCode, Problem
from app.media.audio import Audio, write_wav
from app.media.silence import Clip, read_levels
from app.subtitles.engines.base import TranscriptionOptions
from app.subtitles.engines.local import LocalTranscriber
from app.subtitles.hearing import understand

MEDIA = Path(__file__).parents[2].parent / "shared" / "media"
JORDI = MEDIA / "speech" / "en_talkinghead_jordi.mp4"
JFK = MEDIA / "speech" / "en_jfk.flac"
LONG = MEDIA / "speech" / "en_long_printing.mp4"
SILENT = MEDIA / "video" / "silent_black_10s.mp4"
DETECT = TranscriptionOptions(model="faster-whisper-base")

pytestmark = pytest.mark.skipif(not MEDIA.is_dir(), reason="the shared test media are not here")


@pytest.fixture(scope="module")
def transcriber(tmp_path_factory: pytest.TempPathFactory) -> LocalTranscriber:
    return LocalTranscriber(tmp_path_factory.mktemp("models"))


async def test_hears_speech_with_times(transcriber: LocalTranscriber) -> None:
    transcript = await transcriber.transcribe(JFK, DETECT)

    text = " ".join(segment.text for segment in transcript.segments)
    assert "ask what you can do for your country" in text
    assert transcript.language == "en"
    words = [word for segment in transcript.segments for word in segment.words]
    assert len(words) == len(text.split())
    assert all(type(word.start) is float and word.start <= word.end for word in words)
    assert words[-1].end == pytest.approx(10.4, abs=0.4)


@pytest.mark.parametrize(("path", "onset"), [(JORDI, 1.27), (JFK, 0.32)])
async def test_what_was_said_is_kept_and_begins_with_the_sound(
    transcriber: LocalTranscriber, tmp_path: Path, path: Path, onset: float
) -> None:
    samples = decode_audio(str(path), sampling_rate=16_000)
    wav = tmp_path / "speech.wav"
    wav.write_bytes(write_wav(Audio(samples, 16_000)))
    seconds = len(samples) / 16_000

    transcript = await transcriber.transcribe(wav, TranscriptionOptions("base", language="en"))
    heard = understand([Clip(0.0, seconds)], [transcript], read_levels(wav), seconds)

    assert heard.left_out == ()
    assert heard.segments[0].start == pytest.approx(onset, abs=0.04)


async def test_hears_nothing_in_silence(transcriber: LocalTranscriber) -> None:
    transcript = await transcriber.transcribe(SILENT, DETECT)

    assert transcript.segments == ()
    assert transcript.language is None


async def test_says_that_a_file_is_unreadable(transcriber: LocalTranscriber, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_text("not a sound")

    with pytest.raises(Problem) as raised:
        await transcriber.transcribe(broken, DETECT)

    assert raised.value.code is ErrorCode.PROCESSING_ERROR


async def test_refuses_a_language_it_does_not_know(transcriber: LocalTranscriber) -> None:
    with pytest.raises(Problem) as raised:
        await transcriber.transcribe(JFK, TranscriptionOptions(model="base", language="tlh"))

    assert raised.value.code is ErrorCode.LANGUAGE_UNSUPPORTED


async def test_cancelling_frees_the_engine(transcriber: LocalTranscriber) -> None:
    english = TranscriptionOptions("base", language="en")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await asyncio.gather(*(transcriber.transcribe(LONG, english) for _ in range(2)))

    started = time.monotonic()
    await transcriber.transcribe(SILENT, DETECT)
    assert time.monotonic() - started < 20  # the 112 s clip twice would take longer


async def test_a_size_the_hub_does_not_have_is_unavailable(tmp_path: Path) -> None:
    transcriber = LocalTranscriber(tmp_path, model="colossal")

    with pytest.raises(Problem) as raised:
        await transcriber.transcribe(JFK, DETECT)

    assert raised.value.code is ErrorCode.MODEL_UNAVAILABLE
    assert raised.value.details["model"] == "colossal"


async def test_weights_damaged_on_disk_are_joined_again(tmp_path: Path) -> None:
    weights = tmp_path / "whisper-base" / "model.bin"
    weights.parent.mkdir()
    weights.write_bytes(b"half a model")

    transcript = await LocalTranscriber(tmp_path).transcribe(JFK, DETECT)

    assert transcript.segments
    assert weights.stat().st_size > 100_000_000


def test_reports_the_model_that_really_runs(tmp_path: Path) -> None:
    assert LocalTranscriber(tmp_path).model_for("whisper-large-v2") == "faster-whisper-base"
    assert LocalTranscriber(tmp_path, "whisper-small").model_for(None) == "faster-whisper-small"


def test_speaks_of_languages_in_bcp_47(transcriber: LocalTranscriber) -> None:
    assert {"ko", "en", "jv"} <= set(transcriber.languages())
    assert "jw" not in transcriber.languages()
