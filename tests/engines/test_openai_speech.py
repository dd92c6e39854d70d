"""Speech synthesis through the SDK, in whatever format a server answers."""

import numpy as np
import pytest

from app.core.errors import ErrorCode, Problem
from app.core.openai_client import OpenAIClient
from app.media.audio import Audio
from app.tts.engines.base import SpeechRequest, TTSClient
from app.tts.engines.openai import MAX_CHARACTERS, OpenAISpeech, split_text
from tests.engines.connections import connected
from tests.loopback import faults
from tests.loopback.engines import ToneVoice
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI
from tests.unrecorded import UNRECORDED

MODEL = "gpt-4o-mini-tts"
REQUEST = SpeechRequest("Good morning.", "en", "marin", MODEL)


class LowVoice(ToneVoice):
    sample_rate = 22_050


@pytest.fixture
def speech(client: OpenAIClient) -> TTSClient:
    return OpenAISpeech(client, MODEL, UNRECORDED)


async def said(request: SpeechRequest) -> Audio:
    return await ToneVoice().speak(request)


async def test_a_streamed_wav_with_unknown_sizes(speech: TTSClient, server: LoopbackOpenAI) -> None:
    audio, original = await speech.speak(REQUEST), await said(REQUEST)
    assert audio.sample_rate == 24_000
    np.testing.assert_allclose(audio.samples, original.samples, atol=1e-4)
    (request,) = server.requests_to(Endpoint.SPEECH)
    assert request.fields == {
        "input": "Good morning.",
        "model": MODEL,
        "voice": "marin",
        "response_format": "wav",
    }


@pytest.mark.parametrize("answered_in", ["pcm", "mp3"])
async def test_a_server_that_answers_in_another_format(answered_in: str) -> None:
    with LoopbackOpenAI(speech_format=answered_in) as server:
        async with connected(server.url) as client:
            audio = await OpenAISpeech(client, MODEL, UNRECORDED).speak(REQUEST)
    assert audio.sample_rate == 24_000
    assert audio.duration == pytest.approx((await said(REQUEST)).duration, abs=0.1)
    assert np.abs(audio.samples).max() == pytest.approx(0.3, abs=0.05)


async def test_a_voice_of_another_rate() -> None:
    with LoopbackOpenAI(speech=LowVoice()) as server:
        async with connected(server.url) as client:
            audio = await OpenAISpeech(client, MODEL, UNRECORDED).speak(REQUEST)
    assert audio.sample_rate == 22_050
    assert audio.duration == pytest.approx((await said(REQUEST)).duration, abs=0.01)


async def test_a_text_too_long_for_one_call(speech: TTSClient, server: LoopbackOpenAI) -> None:
    text = "This is a sentence of a long story. " * 150
    audio = await speech.speak(SpeechRequest(text, "en", "cedar", MODEL))
    inputs = [str(request.fields["input"]) for request in server.requests]
    assert len(inputs) == 2
    assert all(part.endswith("story.") for part in inputs)
    assert " ".join(inputs) == text.strip()
    assert audio.duration == pytest.approx(sum(0.06 * len(part) + 0.2 for part in inputs), abs=0.01)


@pytest.mark.parametrize(
    "text", ["no punctuation at all " * 400, "x" * 10_000, "안녕하세요. " * 1000, "Wait... what?! " * 500]
)
def test_long_texts_lose_nothing(text: str) -> None:
    parts = split_text(text)
    assert all(0 < len(part) <= MAX_CHARACTERS for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_nothing_to_say() -> None:
    assert split_text("  ") == ()


@pytest.mark.parametrize("text", [" ", "...", "♪ ♪", "— ?!"])
async def test_silence_where_nothing_can_be_said(
    speech: TTSClient, server: LoopbackOpenAI, text: str
) -> None:
    audio = await speech.speak(SpeechRequest(text, "en", "marin", MODEL))
    assert not audio.samples.any()
    assert server.requests == []


async def test_a_compatible_server_has_voices_of_its_own() -> None:
    with LoopbackOpenAI(voices=None) as server:
        async with connected(server.url) as client:
            await OpenAISpeech(client, MODEL, UNRECORDED).speak(
                SpeechRequest("Hello.", "en", "af_bella", MODEL)
            )
    assert server.requests[0].fields["voice"] == "af_bella"


async def test_an_unknown_voice_is_not_sent_to_openai() -> None:
    async with connected("http://127.0.0.1:1/v1", openai_base_url=None) as client:
        with pytest.raises(Problem) as caught:
            await OpenAISpeech(client, MODEL, UNRECORDED).speak(
                SpeechRequest("Hello.", "ko", "af_bella", MODEL)
            )
    assert caught.value.code is ErrorCode.VOICE_NOT_FOUND
    assert caught.value.details == {"voice_id": "af_bella", "language": "ko"}


def test_voices_speak_every_language_and_fit_the_model(client: OpenAIClient) -> None:
    newest = OpenAISpeech(client, MODEL, UNRECORDED).voices()
    assert all(voice.speaks("ko") for voice in newest)
    assert {voice.gender for voice in newest} == {"female", "male", "neutral"}
    for model in ("tts-1", "kokoro"):
        older = {voice.voice_id for voice in OpenAISpeech(client, model, UNRECORDED).voices()}
        assert older == {voice.voice_id for voice in newest} - {"marin", "cedar", "ballad", "verse"}


@pytest.mark.parametrize(
    "fault",
    [
        faults.HTML_PAGE,
        faults.WRONG_SHAPE,
        faults.Body(b"", "audio/wav"),
        faults.Body(b"RIFF\xff\xff\xff\xffWAVEnothing", "audio/wav"),
        faults.Body(b"ID3 but no music", "audio/mpeg"),
    ],
)
async def test_what_is_no_audio_is_told(
    speech: TTSClient, server: LoopbackOpenAI, fault: faults.Body
) -> None:
    server.fail(Endpoint.SPEECH, fault, times=2)
    with pytest.raises(Problem) as caught:
        await speech.speak(REQUEST)
    assert caught.value.code is ErrorCode.ENGINE_BAD_ANSWER


@pytest.mark.parametrize("fault", [faults.RATE_LIMITED, faults.HTML_PAGE, faults.HALF_BODY])
async def test_a_passing_trouble_is_not_heard(
    speech: TTSClient, server: LoopbackOpenAI, fault: faults.Fault
) -> None:
    server.fail(Endpoint.SPEECH, fault)
    assert (await speech.speak(REQUEST)).duration == pytest.approx((await said(REQUEST)).duration)
