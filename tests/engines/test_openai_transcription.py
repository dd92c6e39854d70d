"""Speech recognition through the SDK, and what odd servers answer."""

import math
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import ErrorCode, Problem
from app.core.openai_client import OpenAIClient
from app.media.audio import Audio, write_wav
from app.subtitles.engines.base import (
    Transcriber,
    Transcript,
    TranscriptionOptions,
    TranscriptSegment,
    Word,
)
from app.subtitles.engines.openai import WhisperClient
from app.subtitles.engines.response_parser import parse_transcription
from tests.engines.connections import connected
from tests.loopback import faults
from tests.loopback.engines import SENTENCES, ScriptedTranscriber
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI
from tests.unrecorded import UNRECORDED

SECONDS = 7.0
CLIP = write_wav(Audio(np.zeros(round(SECONDS * 16_000), np.float32), 16_000))
OPTIONS = TranscriptionOptions(model="whisper-1")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    path.write_bytes(CLIP)
    return path


@pytest.fixture
def whisper(client: OpenAIClient) -> Transcriber:
    return WhisperClient(client, "whisper-1", UNRECORDED)


async def test_segments_come_with_their_words(
    whisper: Transcriber, server: LoopbackOpenAI, clip: Path
) -> None:
    transcript = await whisper.transcribe(clip, OPTIONS)
    assert transcript.language == "en"
    assert [segment.text for segment in transcript.segments] == list(SENTENCES[:3])
    assert [" ".join(word.text for word in segment.words) for segment in transcript.segments] == list(
        SENTENCES[:3]
    )
    assert transcript.segments[1].start == pytest.approx(3.2)
    assert transcript.segments[1].average_log_probability == pytest.approx(-0.2)


async def test_what_is_sent(whisper: Transcriber, server: LoopbackOpenAI, clip: Path) -> None:
    await whisper.transcribe(clip, TranscriptionOptions("whisper-1", language="pt-BR", temperature=0.3))
    (request,) = server.requests_to(Endpoint.TRANSCRIPTIONS)
    assert request.file == CLIP
    assert request.file_name.endswith(".wav")
    assert request.fields == {
        "model": "whisper-1",
        "language": "pt",
        "temperature": "0.3",
        "response_format": "verbose_json",
        "timestamp_granularities[]": ["word", "segment"],
    }


async def test_a_language_to_be_detected_is_not_sent(
    whisper: Transcriber, server: LoopbackOpenAI, clip: Path
) -> None:
    await whisper.transcribe(clip, OPTIONS)
    assert "language" not in server.requests[0].fields


async def test_names_of_languages_become_codes(clip: Path) -> None:
    script = Transcript("ko", (TranscriptSegment(0.0, 2.0, "안녕하세요."),))
    with LoopbackOpenAI(transcriber=ScriptedTranscriber(script)) as server:
        async with connected(server.url) as client:
            heard = await WhisperClient(client, "whisper-1", UNRECORDED).transcribe(clip, OPTIONS)
    assert heard == script


async def test_a_model_without_times_gives_one_segment_over_the_clip(
    whisper: Transcriber, server: LoopbackOpenAI, clip: Path
) -> None:
    limits = whisper.limits("gpt-transcribe")
    assert (limits.timestamps, limits.seconds) == (False, 30.0)
    transcript = await whisper.transcribe(clip, TranscriptionOptions("gpt-transcribe"))
    assert transcript.segments == (TranscriptSegment(0.0, SECONDS, " ".join(SENTENCES[:3]), untimed=True),)


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    """Too long for a model that tells speakers apart to take whole."""
    path = tmp_path / "long.wav"
    path.write_bytes(write_wav(Audio(np.zeros(31 * 16_000, np.float32), 16_000)))
    return path


async def test_speakers_are_asked_for_where_the_model_tells_them_apart(long_clip: Path) -> None:
    said = (
        TranscriptSegment(0.0, 2.0, "Who is it?", speaker="A"),
        TranscriptSegment(2.5, 4.0, "Me.", speaker="B"),
    )
    with LoopbackOpenAI(transcriber=ScriptedTranscriber(Transcript("en", said))) as server:
        async with connected(server.url) as client:
            whisper = WhisperClient(client, "whisper-1", UNRECORDED)
            options = TranscriptionOptions("gpt-4o-transcribe-diarize", language="en-GB", temperature=0.2)
            heard = await whisper.transcribe(long_clip, options)
    assert heard == Transcript(None, said)
    assert server.requests[0].fields == {
        "model": "gpt-4o-transcribe-diarize",
        "language": "en",
        "temperature": "0.2",
        "response_format": "diarized_json",
        "chunking_strategy": "auto",
    }


def test_a_model_that_tells_speakers_apart_times_them(whisper: Transcriber) -> None:
    assert whisper.limits("gpt-4o-transcribe-diarize").timestamps
    assert not whisper.limits("gpt-4o-transcribe").timestamps


async def test_an_answer_cut_off_half_way_is_asked_for_again(
    whisper: Transcriber, server: LoopbackOpenAI, clip: Path
) -> None:
    server.fail(Endpoint.TRANSCRIPTIONS, faults.HALF_BODY)
    transcript = await whisper.transcribe(clip, OPTIONS)
    assert len(transcript.segments) == 3
    assert [request.file for request in server.requests] == [CLIP, CLIP]


@pytest.mark.parametrize("fault", [faults.NOT_JSON, faults.WRONG_SHAPE, faults.HTML_PAGE])
async def test_what_is_no_transcription_is_told(
    whisper: Transcriber, server: LoopbackOpenAI, clip: Path, fault: faults.Body
) -> None:
    server.fail(Endpoint.TRANSCRIPTIONS, fault, times=2)
    with pytest.raises(Problem) as caught:
        await whisper.transcribe(clip, OPTIONS)
    assert caught.value.code is ErrorCode.ENGINE_BAD_ANSWER
    server.fail(Endpoint.TRANSCRIPTIONS, fault)
    assert (await whisper.transcribe(clip, OPTIONS)).segments


def parsed(answer: object, duration: float = 10.0) -> Transcript:
    return parse_transcription(answer, model="whisper-1", duration=duration)


def segment(start: object, end: object, text: str = "Hello there.") -> dict[str, object]:
    return {"start": start, "end": end, "text": text}


def spans(transcript: Transcript) -> list[tuple[float, float]]:
    return [(segment.start, segment.end) for segment in transcript.segments]


def test_the_least_a_server_can_answer() -> None:
    assert parsed({"text": "Hello."}) == Transcript(
        None, (TranscriptSegment(0.0, 10.0, "Hello.", untimed=True),)
    )


@pytest.mark.parametrize("answer", [{"text": ""}, {"text": "  ", "segments": []}, {"segments": []}])
def test_silence_has_no_segments(answer: object) -> None:
    assert parsed(answer).segments == ()


def test_segments_without_text_are_dropped() -> None:
    assert spans(parsed({"segments": [segment(0, 1, " "), segment(1, 2)]})) == [(1.0, 2.0)]


def test_times_may_be_written_as_strings() -> None:
    assert spans(parsed({"segments": [segment("0.5", "2.25")]})) == [(0.5, 2.25)]


def test_times_left_out_are_taken_from_the_neighbours() -> None:
    answer = {"segments": [segment(None, 2.0), segment(None, None), segment(5.0, None)]}
    assert spans(parsed(answer)) == [(0.0, 2.0), (2.0, 5.0), (5.0, 10.0)]


def test_segments_without_any_time_are_one() -> None:
    transcript = parsed({"segments": [segment(None, None, "One."), segment(None, None, "Two.")]})
    assert transcript.segments == (TranscriptSegment(0.0, 10.0, "One. Two.", untimed=True),)


def test_times_stay_inside_the_clip_and_in_order() -> None:
    answer = {"segments": [segment(8.0, 30.0), segment(-1.0, 3.0), segment(4.0, 3.5)]}
    assert spans(parsed(answer)) == [(0.0, 3.0), (4.0, 4.0), (8.0, 10.0)]


def test_numbers_that_are_none_are_left_out() -> None:
    odd = segment(0.0, 1.0) | {
        "avg_logprob": -math.inf,
        "no_speech_prob": math.nan,
        "compression_ratio": None,
    }
    (heard,) = parsed({"segments": [odd]}).segments
    assert (heard.average_log_probability, heard.no_speech_probability, heard.compression_ratio) == (
        None,
    ) * 3


def test_a_measure_of_exactly_zero_was_never_taken() -> None:
    placeholders = segment(0.0, 1.0) | {"avg_logprob": 0.0, "no_speech_prob": 0.0, "compression_ratio": 0.0}
    (heard,) = parsed({"segments": [placeholders]}).segments
    assert (heard.average_log_probability, heard.compression_ratio) == (None, None)
    assert heard.no_speech_probability == 0.0


def test_words_go_to_the_segment_they_were_spoken_in() -> None:
    words = [
        {"word": "Hello", "start": 0.0, "end": 0.9},
        {"word": "there", "start": 2.1, "end": 2.3},  # in the gap, nearer to the first
        {"word": "friend", "start": 3.8, "end": 4.6},  # begins in the gap, spoken in the second
        {"word": "lost"},
    ]
    answer = {"segments": [segment(0.0, 2.0), segment(4.0, 5.0)], "words": words}
    assert [[word.text for word in heard.words] for heard in parsed(answer).segments] == [
        ["Hello", "there"],
        ["friend"],
    ]


def test_words_inside_the_segments_are_taken_as_they_are() -> None:
    own = segment(0.0, 2.0) | {"words": [{"word": " Hello", "start": 0.1, "end": 0.5, "probability": 0.8}]}
    (heard,) = parsed({"segments": [own], "words": [{"word": "x", "start": 0, "end": 1}]}).segments
    assert heard.words == (Word(0.1, 0.5, "Hello", 0.8),)


@pytest.mark.parametrize(
    ("label", "speaker"), [("A", "A"), (" SPEAKER_01 ", "SPEAKER_01"), (2, "2"), ("", None)]
)
def test_labels_of_speakers(label: object, speaker: str | None) -> None:
    (heard,) = parsed({"segments": [segment(0.0, 2.0) | {"speaker": label}]}).segments
    assert heard.speaker == speaker


def test_words_without_segments() -> None:
    words = [{"word": "Hello", "start": 1.0, "end": 1.5}, {"text": "there", "start": 1.6, "end": 2.0}]
    (heard,) = parsed({"words": words}).segments
    assert (heard.start, heard.end, heard.text) == (1.0, 2.0, "Hello there")


@pytest.mark.parametrize(
    ("name", "code"),
    [("english", "en"), ("Korean", "ko"), ("haitian creole", "ht"), ("pt-br", "pt-BR"), ("klingonese", None)],
)
def test_languages_by_name_or_code(name: str, code: str | None) -> None:
    assert parsed({"text": "Hello.", "language": name}).language == code


def test_languages_of_the_models_that_list_them() -> None:
    assert parsed({"text": "Hola.", "languages": [{"code": "es"}]}).language == "es"
    assert parsed({"text": "Hm.", "languages": []}).language is None


@pytest.mark.parametrize(
    "answer", ["Hello.", None, [], {"error": "no"}, {"segments": "none"}, {"segments": [segment("soon", 2)]}]
)
def test_what_makes_no_sense_is_a_bad_answer(answer: object) -> None:
    with pytest.raises(Problem) as caught:
        parsed(answer)
    assert caught.value.code is ErrorCode.ENGINE_BAD_ANSWER
