"""Voices and speech over HTTP: options are heard in the audio, and only what is named is spoken again."""

from collections.abc import Callable
from zlib import crc32

import pytest

from tests.api.conftest import LINES
from tests.api.media import Sound, sound_in
from tests.api.walk import Walk
from tests.live_server import Json, LiveServer
from tests.loopback.faults import INSUFFICIENT_QUOTA
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

OwnLines = Callable[[str], tuple[str, str]]

VOICE = "nova"
NATURAL = [0.06 * len(line) for line in LINES]
FIRST_LINE = (0.6, 1.3)


def tone_of(voice: str) -> float:
    """The pitch (Hz) that the loopback engine gives a voice."""
    return 120 + crc32(voice.encode()) % 120


@pytest.fixture
def lines(own_lines: OwnLines) -> tuple[str, str]:
    """Two English lines: 0.5 to 2 s and 2.5 to 4 s."""
    return own_lines("translations/en")


@pytest.fixture
def translated(video: str, lines: tuple[str, str]) -> str:
    """A video of 5 s with those lines."""
    return video


def speak(api: LiveServer, video: str, audio_format: str = "wav", **options: float) -> Json:
    body = {"language": "en", "voice_id": VOICE, "options": options, "audio_format": audio_format}
    api.completed(f"/api/videos/{video}/generate-tts", body)
    return speech_of(api, video)


def speech_of(api: LiveServer, video: str) -> Json:
    body: Json = api.http.get(f"/api/videos/{video}/tts/en").raise_for_status().json()
    return body


def track_of(api: LiveServer, video: str) -> Sound:
    return sound_in(api.http.get(f"/api/videos/{video}/audio?language=en").raise_for_status().content)


def line_of(api: LiveServer, speech: Json, number: int) -> Sound:
    return sound_in(api.http.get(speech["segments"][number]["url"]).raise_for_status().content)


class TestVoices:
    def test_a_multilingual_voice_shows_the_language_asked_for(self, api: LiveServer) -> None:
        asked = api.http.get("/api/tts/voices?language=pt-br").json()["voices"]
        anyway = api.http.get("/api/tts/voices").json()["voices"]
        assert {voice["language"] for voice in asked} == {"pt-BR"}
        assert {voice["language"] for voice in anyway} == {"mul"}

    def test_by_gender(self, api: LiveServer) -> None:
        everyone = api.http.get("/api/tts/voices").json()["voices"]
        some = {
            gender: api.http.get(f"/api/tts/voices?gender={gender}").json()["voices"]
            for gender in ("female", "male", "neutral")
        }
        assert all(voice["gender"] == gender for gender, voices in some.items() for voice in voices)
        assert sum(len(voices) for voices in some.values()) == len(everyone)
        assert some["female"]
        assert some["male"]

    def test_a_preview_can_be_played(self, api: LiveServer) -> None:
        voice = api.http.get("/api/tts/voices?language=ko").json()["voices"][0]
        answer = api.http.get(voice["preview_url"])
        assert answer.headers["content-type"] == "audio/mpeg"
        preview = sound_in(answer.content)
        assert preview.seconds > 0.5
        assert preview.pitch() == pytest.approx(tone_of(voice["voice_id"]), abs=3)

    def test_a_preview_is_made_once(self, api: LiveServer, openai_server: LoopbackOpenAI) -> None:
        for _ in range(2):
            answer = api.http.get("/api/tts/voices/echo/preview?language=it", headers={"Range": "bytes=0-9"})
            assert answer.status_code == 206
        assert len(openai_server.requests_to(Endpoint.SPEECH)) == 1

    @pytest.mark.parametrize(
        ("query", "field"), [("language=klingonese", "language"), ("gender=robot", "gender")]
    )
    def test_queries_that_cannot_be(self, api: LiveServer, query: str, field: str) -> None:
        answer = api.http.get(f"/api/tts/voices?{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field

    def test_a_preview_of_nobody(self, api: LiveServer) -> None:
        answer = api.http.get("/api/tts/voices/nobody/preview")
        assert (answer.status_code, answer.json()["code"]) == (404, "voice_not_found")


class TestOptions:
    def test_the_plain_voice(self, api: LiveServer, translated: str) -> None:
        speech = speak(api, translated)
        track = track_of(api, translated)
        assert track.seconds == pytest.approx(5.0, abs=0.001)
        assert track.rate == 24000
        for number, line in enumerate(speech["segments"]):
            sound = line_of(api, speech, number)
            assert sound.seconds == pytest.approx(NATURAL[number], abs=0.06)
            assert line["duration"] == pytest.approx(sound.seconds, abs=0.005)
            assert line["placed_start"] == line["start"]
            placed = track.between(line["placed_start"], line["placed_start"] + line["duration"])
            assert placed.level() == pytest.approx(sound.level(), rel=0.02)
        assert track.between(0, 0.49).level() == 0
        assert track.between(*FIRST_LINE).pitch() == pytest.approx(tone_of(VOICE), abs=2)

    @pytest.mark.parametrize("rate", [0.8, 2.0])
    def test_speaking_rate(self, api: LiveServer, translated: str, rate: float) -> None:
        speech = speak(api, translated, speaking_rate=rate)
        for number, line in enumerate(speech["segments"]):
            assert line["duration"] == pytest.approx(NATURAL[number] / rate, rel=0.08)
        pitch = line_of(api, speech, 0).pitch()
        assert pitch == pytest.approx(tone_of(VOICE), rel=0.02)

    @pytest.mark.parametrize("semitones", [-10, 7.5])
    def test_pitch(self, api: LiveServer, translated: str, semitones: float) -> None:
        speech = speak(api, translated, pitch=semitones)
        sound = line_of(api, speech, 1)
        assert sound.pitch() == pytest.approx(tone_of(VOICE) * 2 ** (semitones / 12), rel=0.02)
        assert sound.seconds == pytest.approx(NATURAL[1], abs=0.06)

    @pytest.mark.parametrize("decibels", [-10, 6])
    def test_volume(self, api: LiveServer, translated: str, decibels: float) -> None:
        speak(api, translated)
        before = track_of(api, translated).between(*FIRST_LINE).level()
        speak(api, translated, volume_gain_db=decibels)
        after = track_of(api, translated).between(*FIRST_LINE).level()
        assert after / before == pytest.approx(10 ** (decibels / 20), rel=0.02)

    @pytest.mark.parametrize(("audio_format", "rate"), [("wav", 8000), ("mp3", 16000), ("wav", 48000)])
    def test_sample_rate_and_format(
        self, api: LiveServer, translated: str, audio_format: str, rate: int
    ) -> None:
        speech = speak(api, translated, audio_format, sample_rate=rate)
        assert speech["audio_format"] == audio_format
        for link in (speech["full_audio"]["url"], speech["segments"][0]["url"]):
            answer = api.http.get(link)
            assert answer.headers["content-type"] == {"wav": "audio/wav", "mp3": "audio/mpeg"}[audio_format]
            sound = sound_in(answer.content)
            assert sound.rate == rate
            assert sound.between(0.2, 0.8).level() > 0.05 or "audio?" in link

    def test_silence_padding(self, api: LiveServer, translated: str) -> None:
        """The lines would be 1.1 s apart; slower they would be 0.5, and 0.75 s at the soft speed."""
        tight = speak(api, translated, speaking_rate=0.6, silence_padding=0.1)
        gap = tight["segments"][1]["placed_start"] - (
            tight["segments"][0]["placed_start"] + tight["segments"][0]["duration"]
        )
        assert gap < 0.6
        speak(api, translated, speaking_rate=0.6, silence_padding=0.7)
        between = [(start, end) for start, end in track_of(api, translated).silences() if 1 < start < 3]
        assert max(end - start for start, end in between) >= 0.7 - 0.03

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"options": {"speaking_rate": 2.1}}, "options.speaking_rate"),
            ({"options": {"speaking_rate": "1"}}, "options.speaking_rate"),
            ({"options": {"pitch": 10.5}}, "options.pitch"),
            ({"options": {"volume_gain_db": -11}}, "options.volume_gain_db"),
            ({"options": {"sample_rate": 24001}}, "options.sample_rate"),
            ({"options": {"silence_padding": -0.1}}, "options.silence_padding"),
            ({"options": {"speed": 1}}, "options.speed"),
            ({"audio_format": "ogg"}, "audio_format"),
            ({"voice_id": "no such voice"}, "voice_id"),
            ({"language": "auto"}, "language"),
        ],
    )
    def test_requests_that_cannot_be(self, walk: Walk, body: Json, field: str) -> None:
        answer = walk.server.http.post(walk.path("/generate-tts"), json={"language": "en"} | body)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


class TestSpeakingAgain:
    def test_only_the_named_segment_changes(
        self, api: LiveServer, openai_server: LoopbackOpenAI, translated: str, lines: tuple[str, str]
    ) -> None:
        before = speak(api, translated)
        first, second = (line_of(api, before, number) for number in (0, 1))
        openai_server.forget()

        answer = api.http.post(
            f"/api/videos/{translated}/tts/en", json={"segment_ids": [1], "voice_id": "onyx"}
        )

        assert answer.status_code == 200
        after = answer.json()
        assert [line["voice_id"] for line in after["segments"]] == [VOICE, "onyx"]
        assert after["segments"][0] == before["segments"][0]
        assert line_of(api, after, 0).samples.tolist() == first.samples.tolist()
        assert line_of(api, after, 1).pitch() == pytest.approx(tone_of("onyx"), abs=3)
        assert second.pitch() == pytest.approx(tone_of(VOICE), abs=3)
        spoken = openai_server.requests_to(Endpoint.SPEECH)
        assert [request.fields["input"] for request in spoken] == [lines[1]]

    def test_with_other_options(self, api: LiveServer, translated: str) -> None:
        speak(api, translated)
        body = {"segment_ids": [0], "options": {"speaking_rate": 2.0, "silence_padding": 0.1}}
        after = api.http.post(f"/api/videos/{translated}/tts/en", json=body).json()
        assert [line["duration"] for line in after["segments"]] == pytest.approx(
            [NATURAL[0] / 2, NATURAL[1]], rel=0.08
        )

    def test_the_same_again_is_a_new_take(
        self, api: LiveServer, openai_server: LoopbackOpenAI, translated: str
    ) -> None:
        speak(api, translated)
        openai_server.forget()
        for takes in (1, 2):
            api.http.post(f"/api/videos/{translated}/tts/en", json={"segment_ids": [0]}).raise_for_status()
            assert len(openai_server.requests_to(Endpoint.SPEECH)) == takes

    def test_without_a_body_it_only_reads(
        self, api: LiveServer, openai_server: LoopbackOpenAI, translated: str
    ) -> None:
        before = speak(api, translated)
        openai_server.forget()
        assert api.http.post(f"/api/videos/{translated}/tts/en").json() == before
        assert openai_server.requests == []

    def test_an_edited_line_alone_is_spoken(
        self, api: LiveServer, openai_server: LoopbackOpenAI, translated: str, lines: tuple[str, str]
    ) -> None:
        speak(api, translated)
        openai_server.forget()
        edit = {"segments": [{"id": 0, "text": f"{lines[0]} Big."}]}
        path = f"/api/videos/{translated}/subtitles/translations/en"
        api.http.put(path, json=edit).raise_for_status()
        after = speak(api, translated)
        assert after["segments"][0]["text"] == f"{lines[0]} Big."
        spoken = openai_server.requests_to(Endpoint.SPEECH)
        assert [request.fields["input"] for request in spoken] == [f"{lines[0]} Big."]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"segment_ids": []}, "segment_ids"),
            ({"segment_ids": ["0"]}, "segment_ids.0"),
            ({"segment_ids": [0, 99]}, "segment_ids.1"),
            ({"segment_ids": [0], "voice_id": "no such voice"}, "voice_id"),
            ({"segment_ids": [0], "options": {"pitch": 99}}, "options.pitch"),
            ({"segment_ids": [0], "language": "en"}, "language"),
        ],
    )
    def test_requests_that_cannot_be(self, walk: Walk, body: Json, field: str) -> None:
        answer = walk.server.http.post(walk.path("/tts/en"), json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field

    def test_an_engine_that_fails_leaves_the_speech_as_it_was(
        self, api: LiveServer, openai_server: LoopbackOpenAI, translated: str
    ) -> None:
        before = speak(api, translated)
        openai_server.fail(Endpoint.SPEECH, INSUFFICIENT_QUOTA)
        answer = api.http.post(f"/api/videos/{translated}/tts/en", json={"segment_ids": [0]})
        assert (answer.status_code, answer.json()["code"]) == (502, "engine_quota")
        assert speech_of(api, translated) == before


def test_speech_that_is_not_there(api: LiveServer, translated: str) -> None:
    here = f"/api/videos/{translated}"
    for method, path in (
        ("GET", f"{here}/tts/en"),
        ("POST", f"{here}/tts/en"),
        ("GET", f"{here}/tts/en/segments/0/audio"),
        ("GET", f"{here}/audio?language=en"),
    ):
        answer = api.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (409, "speech_not_ready")
        assert "generate-tts" in answer.json()["next"]


def test_a_segment_that_is_not_there(walk: Walk) -> None:
    answer = walk.server.http.get(walk.path("/tts/en/segments/99/audio"))
    assert (answer.status_code, answer.json()["code"]) == (404, "segment_not_found")
    for never in ("-1", "9" * 30, "one"):
        assert walk.server.http.get(walk.path(f"/tts/en/segments/{never}/audio")).status_code == 422


def test_a_language_without_a_translation(api: LiveServer, translated: str) -> None:
    answer = api.http.post(f"/api/videos/{translated}/generate-tts", json={"language": "fr"})
    assert (answer.status_code, answer.json()["code"]) == (409, "translation_not_ready")


def test_the_engine_s_best_voice_is_the_default(api: LiveServer, translated: str) -> None:
    best = api.http.get("/api/tts/voices?language=en").json()["voices"][0]["voice_id"]
    result = api.completed(f"/api/videos/{translated}/generate-tts", {"language": "en"})
    assert result["voice_id"] == best
