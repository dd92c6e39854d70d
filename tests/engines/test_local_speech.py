"""The built-in voices, understood by the built-in speech recognition."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import ErrorCode, Problem
from app.media.audio import encode
from app.subtitles.engines.base import TranscriptionOptions
from app.subtitles.engines.local import LocalTranscriber
from app.tts.engines.base import SpeechRequest
from app.tts.engines.local import LocalSpeech
from app.tts.engines.samples import COUNTING, sample_sentence

READS_JAPANESE = importlib.util.find_spec("pyopenjtalk") is not None


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def speech(models: Path) -> LocalSpeech:
    return LocalSpeech(models)


@pytest.fixture(scope="module")
def transcriber(models: Path) -> LocalTranscriber:
    return LocalTranscriber(models)


def request(text: str, language: str, voice_id: str) -> SpeechRequest:
    return SpeechRequest(text, language, voice_id, "local")


async def test_both_engines_in_turn_are_understood(
    speech: LocalSpeech, transcriber: LocalTranscriber, tmp_path: Path
) -> None:
    """They use one C library, whose voice is global."""
    turns = (
        ("Please open the window.", "en", "kokoro-jm_kumo", "open the window"),
        ("Guten Morgen, meine Damen und Herren.", "de", "espeak-de-male", "damen und herren"),
        ("Bienvenidos a nuestro nuevo vídeo.", "es", "kokoro-jf_gongitsune", "bienvenidos a nuestro"),
        ("Please open the window.", "en", "kokoro-jf_gongitsune", "open the window"),
    )
    for text, language, voice_id, expected in turns:
        spoken = await speech.speak(request(text, language, voice_id))
        clip = tmp_path / f"{voice_id}.wav"
        clip.write_bytes(encode(spoken, "wav", spoken.sample_rate))
        heard = await transcriber.transcribe(clip, TranscriptionOptions("base", language=language))

        assert expected in " ".join(segment.text for segment in heard.segments).lower()
        assert np.abs(spoken.samples).max() <= 1.0


@pytest.mark.skipif(not READS_JAPANESE, reason="pyopenjtalk-plus is not installed")
@pytest.mark.filterwarnings("ignore:open_text is deprecated:DeprecationWarning")
async def test_kanji_are_read(speech: LocalSpeech, transcriber: LocalTranscriber, tmp_path: Path) -> None:
    spoken = await speech.speak(request("電車は朝七時に駅を出ます。", "ja", "kokoro-jf_alpha"))
    clip = tmp_path / "ja.wav"
    clip.write_bytes(encode(spoken, "wav", spoken.sample_rate))
    heard = await transcriber.transcribe(clip, TranscriptionOptions("base", language="ja"))

    assert "電車" in heard.segments[0].text


@pytest.mark.parametrize("voice_id", ["kokoro-jm_kumo", "espeak-en-us-male"])
@pytest.mark.parametrize("text", ["", "...!?", "😀🎉", "♪ — ♪"])
async def test_what_has_no_sound_is_a_short_silence(speech: LocalSpeech, voice_id: str, text: str) -> None:
    spoken = await speech.speak(request(text, "en", voice_id))

    assert 0.1 < spoken.duration < 0.5
    assert not spoken.samples.any()


async def test_emojis_are_not_read_aloud(speech: LocalSpeech) -> None:
    plain = await speech.speak(request("Hello world", "en", "espeak-en-us-male"))
    decorated = await speech.speak(request("Hello 😀 world", "en", "espeak-en-us-male"))

    assert decorated.duration == pytest.approx(plain.duration, abs=0.05)


async def test_long_text_is_said_to_its_end(speech: LocalSpeech) -> None:
    sentence = "The weather is nice today. "
    once = await speech.speak(request(sentence, "en", "kokoro-jm_kumo"))
    often = await speech.speak(request(sentence * 8, "en", "kokoro-jm_kumo"))

    assert often.duration > 8 * once.duration


async def test_a_voice_that_is_not_there(speech: LocalSpeech) -> None:
    with pytest.raises(Problem) as raised:
        await speech.speak(request("Hello", "en", "espeak-xx-male"))

    assert raised.value.code is ErrorCode.VOICE_NOT_FOUND


async def test_a_language_the_voice_does_not_speak(speech: LocalSpeech) -> None:
    with pytest.raises(Problem) as raised:
        await speech.speak(request("Hello", "fr", "espeak-ko-male"))

    assert raised.value.code is ErrorCode.LANGUAGE_UNSUPPORTED


def test_the_best_voice_of_a_language_comes_first(speech: LocalSpeech) -> None:
    voices = speech.voices()

    def first(language: str) -> str:
        return next(voice.voice_id for voice in voices if voice.speaks(language))

    assert first("en-US") == "kokoro-jm_kumo"
    assert first("ko").startswith("kokoro-")
    assert first("zh-Hans") == "espeak-zh-male"
    assert len({voice.voice_id for voice in voices}) == len(voices)
    assert not any(voice.voice_id.startswith("espeak-ja") for voice in voices)


def test_many_languages_have_both_sexes(speech: LocalSpeech) -> None:
    spoken = {
        gender: {code for voice in speech.voices() if voice.gender == gender for code in voice.languages}
        for gender in ("female", "male")
    }

    assert len(spoken["female"] & spoken["male"]) > 100


async def test_every_espeak_voice_has_a_sound(speech: LocalSpeech) -> None:
    for voice in speech.voices():
        if voice.voice_id.startswith("espeak-"):
            language = voice.languages[0]
            spoken = await speech.speak(request(sample_sentence(language), language, voice.voice_id))
            assert spoken.duration > 0.3, voice.voice_id


def test_previews_speak_the_language() -> None:
    assert "자막" in sample_sentence("ko-KR")
    assert sample_sentence("cy") == "Cymraeg"
    assert sample_sentence("quc") == COUNTING
