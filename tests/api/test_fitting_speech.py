"""Speech that fits its time: by the right wording, by rewriting, by speed; and what fails alone."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.api.conftest import bring_track
from tests.api.media import sound_in
from tests.conftest import make_clip
from tests.live_server import Json, LiveServer
from tests.loopback.engines import MixedVoices, SuffixTranslator
from tests.loopback.faults import BAD_REQUEST, Body
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

OwnLines = Callable[[str], tuple[str, str]]

SECONDS = 60
STEP = 3.0
LINES = round(SECONDS / STEP)
SUBJECTS = ("morning", "window", "station", "garden", "letter", "captain", "river", "kitchen")
VERBS = ("opens", "leaves", "answers", "forgets", "carries")


def sentence(number: int) -> str:
    subject, verb = SUBJECTS[number % len(SUBJECTS)], VERBS[number % len(VERBS)]
    return f"Every{number} {subject} {verb} slowly after the rain is over"[: 34 + number % 14]


def script(texts: list[str], step: float = STEP, share: float = 0.8) -> str:
    """A subtitle file with a line every `step` seconds, shown for a `share` of them."""
    return "\n".join(
        [
            "WEBVTT\n",
            *(
                f"{clock(number * step)} --> {clock((number + share) * step)}\n{text}\n"
                for number, text in enumerate(texts)
            ),
        ]
    )


def triplewise(lines: list[Json]) -> Iterator[tuple[Json, Json, Json]]:
    return zip(lines, lines[1:], lines[2:], strict=False)


def clock(seconds: float) -> str:
    return f"{int(seconds // 60):02}:{seconds % 60:06.3f}"


def speech_of(api: LiveServer, video: str, language: str = "en") -> list[Json]:
    answer = api.http.get(f"/api/videos/{video}/tts/{language}").raise_for_status()
    segments: list[Json] = answer.json()["segments"]
    return segments


def speak(api: LiveServer, video: str, language: str = "en", **body: object) -> Json:
    return api.completed(
        f"/api/videos/{video}/generate-tts", {"language": language, "audio_format": "wav"} | body
    )


@pytest.fixture(scope="session")
def one_minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fitting") / "one minute.mp4"
    make_clip(path, seconds=SECONDS, size="64x36", rate=5)
    return path


@pytest.fixture(scope="session")
def dubbed(shared_api: LiveServer, one_minute: Path) -> list[Json]:
    """By a voice that takes about 1.3 times as long as there is time, and for some lines much longer."""
    video = shared_api.upload(one_minute)
    texts = [sentence(number) for number in range(LINES)]
    bring_track(shared_api, video, "original", script(texts))
    bring_track(shared_api, video, "translations/en", script(texts))
    result = speak(shared_api, video, voice_id=MixedVoices.DRAWN)
    assert (result["partial"], result["overflowing_segments"]) == (False, [])
    return speech_of(shared_api, video)


class TestHardLengths:
    def test_nothing_is_spoken_faster_than_it_may(self, dubbed: list[Json]) -> None:
        speeds = [line["speed"] for line in dubbed]
        assert min(speeds) >= 0.9
        assert max(speeds) <= 1.3
        assert sum(speed <= 1.2 + 1e-6 for speed in speeds) >= 0.95 * len(speeds)

    def test_lines_start_with_their_subtitles_and_never_overlap(self, dubbed: list[Json]) -> None:
        assert max(abs(line["placed_start"] - line["start"]) for line in dubbed) <= 0.3
        assert all(
            line["placed_start"] + line["duration"] <= after["placed_start"]
            for line, after in pairwise(dubbed)
        )

    def test_lines_that_are_too_long_are_reworded_and_no_others(self, dubbed: list[Json]) -> None:
        reworded = [line for line in dubbed if line["text"] != line["translated_text"]]
        assert reworded
        assert all(line["translated_text"].startswith(line["text"]) for line in reworded)
        assert all(1 <= line["rewrites"] < line["attempts"] <= 3 for line in reworded)
        assert {line["attempts"] for line in dubbed if line not in reworded} == {1}
        assert all(line["natural_duration"] <= 1.2 * STEP for line in dubbed)


class TestWordings:
    def test_the_one_that_fits_is_spoken_at_once(
        self, api: LiveServer, openai_server: LoopbackOpenAI, one_minute: Path
    ) -> None:
        """By the pace of the first few lines, the others are chosen without trying."""
        video = api.upload(one_minute)
        texts = [sentence(number) + " and all of us are home" for number in range(LINES)]
        bring_track(api, video, "original", script(texts, share=0.95))
        body = {"target_language": "es"}
        api.completed(f"/api/videos/{video}/translate-subtitles", body)
        openai_server.forget()
        speak(api, video, "es")

        lines = speech_of(api, video, "es")
        shortened = [line for line in lines if line["text"] != line["translated_text"]]
        assert len(shortened) > 5
        for line in shortened:
            assert line["text"] in SuffixTranslator.shorter(line["translated_text"], 0.8, 0.6)
        assert {line["attempts"] for line in lines} == {1}
        assert {line["rewrites"] for line in lines} == {0}
        assert len(openai_server.requests_to(Endpoint.SPEECH)) == len(lines)
        assert openai_server.requests_to(Endpoint.CHAT) == []

        speak(api, video, "es")
        assert [line["text"] for line in speech_of(api, video, "es")] == [line["text"] for line in lines]
        assert len(openai_server.requests_to(Endpoint.SPEECH)) == len(lines)

        copy = api.upload(one_minute)
        bring_track(api, copy, "original", script(texts, share=0.95))
        api.completed(f"/api/videos/{copy}/translate-subtitles", body)
        speak(api, copy, "es")
        assert [line["text"] for line in speech_of(api, copy, "es")] == [line["text"] for line in lines]
        assert len(openai_server.requests_to(Endpoint.SPEECH)) == len(lines)


class TestRewriting:
    LONG = "{0} is what a rather long line says that never fits"

    @pytest.fixture
    def long_line(self, api: LiveServer, video: str) -> str:
        """A video with a line of 3 s for 1.5 s."""
        line = self.LONG.format(video[-5:])
        cues = f"WEBVTT\n\n00:00.500 --> 00:01.900\n{line}\n\n00:02.000 --> 00:04.000\nEnd\n"
        bring_track(api, video, "original", cues)
        bring_track(api, video, "translations/en", cues)
        return video

    def test_a_line_is_put_into_as_many_characters_as_fit(
        self, api: LiveServer, openai_server: LoopbackOpenAI, long_line: str
    ) -> None:
        speak(api, long_line)
        asked = openai_server.requests_to(Endpoint.CHAT)[0].user_message
        line = speech_of(api, long_line)[0]
        assert asked["most_characters"] == pytest.approx(1.5 * 1.2 / 0.06, abs=2)
        assert asked["text"] == line["translated_text"] == self.LONG.format(long_line[-5:])
        assert len(line["text"]) <= 1.5 * 1.2 / 0.06
        assert (line["attempts"], line["rewrites"]) == (2, 1)
        assert line["speed"] <= 1.2
        assert line["duration"] == pytest.approx(line["natural_duration"] / line["speed"], abs=0.001)

    def test_a_retake_says_the_same_words(
        self, api: LiveServer, openai_server: LoopbackOpenAI, long_line: str
    ) -> None:
        speak(api, long_line)
        text = speech_of(api, long_line)[0]["text"]
        openai_server.forget()
        api.http.post(f"/api/videos/{long_line}/tts/en", json={"segment_ids": [0]}).raise_for_status()
        assert [request.fields["input"] for request in openai_server.requests_to(Endpoint.SPEECH)] == [text]
        assert openai_server.requests_to(Endpoint.CHAT) == []

    def test_not_at_all_if_it_is_not_wanted(
        self, api: LiveServer, openai_server: LoopbackOpenAI, long_line: str
    ) -> None:
        speak(api, long_line, options={"rewrites": 0})
        line = speech_of(api, long_line)[0]
        assert openai_server.requests_to(Endpoint.CHAT) == []
        assert (line["text"], line["attempts"]) == (line["translated_text"], 1)
        assert line["speed"] == pytest.approx(1.3, abs=0.001)

    def test_no_faster_than_asked(self, api: LiveServer, long_line: str) -> None:
        speak(api, long_line, options={"rewrites": 0, "max_speed": 1.0, "max_shift": 0.0})
        assert {line["speed"] for line in speech_of(api, long_line)} == {1.0}
        speak(api, long_line, options={"rewrites": 0, "soft_speed": 1.0, "max_speed": 2.0})
        assert 1.3 < speech_of(api, long_line)[0]["speed"] <= 2.0

    def test_a_server_that_cannot_rewrite_fails_nothing(
        self, api: LiveServer, openai_server: LoopbackOpenAI, long_line: str
    ) -> None:
        openai_server.fail(Endpoint.CHAT, BAD_REQUEST, times=10)
        assert speak(api, long_line)["partial"] is False
        assert speech_of(api, long_line)[0]["text"] == self.LONG.format(long_line[-5:])


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"soft_speed": 1.4, "max_speed": 1.3}, "options.max_speed"),
        ({"max_speed": 2.1}, "options.max_speed"),
        ({"soft_speed": 0.9}, "options.soft_speed"),
        ({"max_shift": -0.1}, "options.max_shift"),
        ({"rewrites": 3}, "options.rewrites"),
    ],
)
def test_limits_that_cannot_be(
    api: LiveServer, video: str, own_lines: OwnLines, options: Json, field: str
) -> None:
    own_lines("translations/en")
    body = {"language": "en", "options": options}
    answer = api.http.post(f"/api/videos/{video}/generate-tts", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


class TestSpeakers:
    def test_each_has_a_voice(
        self, api: LiveServer, openai_server: LoopbackOpenAI, video: str, own_lines: OwnLines
    ) -> None:
        lines = own_lines("translations/en")
        edit = {"segments": [{"id": 1, "speaker": "Anna"}]}
        api.http.put(f"/api/videos/{video}/subtitles/translations/en", json=edit).raise_for_status()
        speak(api, video, voice_id="onyx", voices={"Anna": "nova", "Nobody": "echo"})
        asked = openai_server.requests_to(Endpoint.SPEECH)
        assert {request.fields["input"]: request.fields["voice"] for request in asked} == {
            lines[0]: "onyx",
            lines[1]: "nova",
        }
        answer = api.http.get(f"/api/videos/{video}/tts/en").json()
        assert answer["voices"] == {"Anna": "nova", "Nobody": "echo"}
        assert [line["speaker"] for line in answer["segments"]] == [None, "Anna"]
        assert [line["voice_id"] for line in answer["segments"]] == ["onyx", "nova"]

    def test_a_line_follows_the_original_until_it_has_a_speaker_of_its_own(
        self, api: LiveServer, video: str, own_lines: OwnLines
    ) -> None:
        own_lines("original")
        api.completed(f"/api/videos/{video}/translate-subtitles", {"target_language": "en"})
        original = f"/api/videos/{video}/subtitles/original"
        translation = f"/api/videos/{video}/subtitles/translations/en"

        def name(track: str, segment: int, speaker: str) -> None:
            edit = {"segments": [{"id": segment, "speaker": speaker}]}
            api.http.put(track, json=edit).raise_for_status()

        def spoken() -> list[tuple[str | None, str | None, str]]:
            """Who speaks each line by the translation and by the speech, and the voice."""
            speak(api, video, voice_id="onyx", voices={"Anna": "nova", "Ben": "echo"})
            lines = api.http.get(translation).json()["segments"]
            return [
                (line["speaker"], voice["speaker"], voice["voice_id"])
                for line, voice in zip(lines, speech_of(api, video), strict=True)
            ]

        assert spoken() == [(None, None, "onyx")] * 2
        name(original, 0, "Anna")
        assert spoken() == [("Anna", "Anna", "nova"), (None, None, "onyx")]
        before = api.http.get(f"{translation}?format=vtt")
        assert "<v Anna>" in before.text
        name(translation, 1, "Ben")
        name(original, 0, "Cleo")
        name(original, 1, "Anna")
        assert spoken() == [("Cleo", "Cleo", "onyx"), ("Ben", "Ben", "echo")]
        headers = {"If-None-Match": before.headers["etag"]}
        assert "<v Cleo>" in api.http.get(f"{translation}?format=vtt", headers=headers).text
        name(translation, 1, "")
        assert spoken()[1] == ("Anna", "Anna", "nova")
        file = api.http.get(f"{translation}?format=vtt").content.replace(b"<v Cleo>", b"<v Ben>")
        api.http.put(translation, content=file, headers={"Content-Type": "text/vtt"}).raise_for_status()
        name(original, 0, "Anna")
        name(original, 1, "Cleo")
        assert spoken() == [("Ben", "Ben", "echo"), ("Cleo", "Cleo", "onyx")]

    def test_lines_sent_back_as_they_were_read_follow_the_original(
        self, api: LiveServer, video: str, own_lines: OwnLines
    ) -> None:
        own_lines("original")
        original = f"/api/videos/{video}/subtitles/original"
        translation = f"/api/videos/{video}/subtitles/translations/en"
        for name in ("Anna", "Cleo"):
            edit = {"segments": [{"id": 0, "speaker": name}]}
            api.http.put(original, json=edit).raise_for_status()
            if name == "Anna":
                api.completed(f"/api/videos/{video}/translate-subtitles", {"target_language": "en"})
            lines = api.http.get(translation).json()["segments"]
            assert [line["speaker"] for line in lines] == [name, None]
            read = [{"id": line["id"], "text": "New.", "speaker": line["speaker"]} for line in lines]
            api.http.put(translation, json={"segments": read}).raise_for_status()

    def test_a_voice_that_cannot_be_is_named(self, api: LiveServer, video: str, own_lines: OwnLines) -> None:
        own_lines("translations/en")
        body = {"language": "en", "voices": {"Anna": "no such voice"}}
        answer = api.http.post(f"/api/videos/{video}/generate-tts", json=body)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["voices.Anna"]

    def test_a_retake_follows_the_speaker_that_was_set_since(
        self, api: LiveServer, video: str, own_lines: OwnLines
    ) -> None:
        own_lines("translations/en")
        speak(api, video, voice_id="onyx", voices={"Anna": "nova"})
        edit = {"segments": [{"id": 1, "speaker": "Anna"}]}
        api.http.put(f"/api/videos/{video}/subtitles/translations/en", json=edit).raise_for_status()
        body = {"segment_ids": [1]}
        answer = api.http.post(f"/api/videos/{video}/tts/en", json=body).raise_for_status()
        assert [line["voice_id"] for line in answer.json()["segments"]] == ["onyx", "nova"]
        answer = api.http.post(f"/api/videos/{video}/tts/en", json=body | {"voice_id": "echo"})
        assert answer.raise_for_status().json()["segments"][1]["voice_id"] == "echo"
        answer = api.http.post(f"/api/videos/{video}/tts/en", json=body)
        assert answer.raise_for_status().json()["segments"][1]["voice_id"] == "echo"


class TestFailedLines:
    @pytest.fixture
    def partial(
        self, api: LiveServer, openai_server: LoopbackOpenAI, video: str, own_lines: OwnLines
    ) -> tuple[str, int, int]:
        """A video with the ids of a line that failed and one that did not."""
        own_lines("translations/en")
        openai_server.fail(Endpoint.SPEECH, BAD_REQUEST)
        result = speak(api, video, voice_id="nova")
        assert result["partial"] is True
        [failed] = result["failed_segments"]
        openai_server.forget()
        return video, failed, 1 - failed

    def test_the_line_is_told_and_its_place_is_left(
        self, api: LiveServer, partial: tuple[str, int, int]
    ) -> None:
        video, failed, spoken = partial
        lines = speech_of(api, video)
        assert [lines[spoken]["failed"], lines[failed]["failed"]] == [False, True]
        assert (lines[failed]["url"], lines[failed]["natural_duration"]) == (None, None)
        assert lines[failed]["error"]["code"] == "engine_refused"
        assert lines[failed]["error"]["next"]
        answer = api.http.get(f"/api/videos/{video}/tts/en/segments/{failed}/audio")
        assert (answer.status_code, answer.json()["code"]) == (409, "segment_not_spoken")
        track = sound_in(api.http.get(f"/api/videos/{video}/audio?language=en").content)
        assert track.between(lines[failed]["start"], lines[failed]["end"]).level() == 0
        assert track.between(lines[spoken]["start"], lines[spoken]["end"]).level() > 0.01

    def test_one_call_makes_it_again_and_nothing_else_moves(
        self, api: LiveServer, openai_server: LoopbackOpenAI, partial: tuple[str, int, int]
    ) -> None:
        video, failed, spoken = partial
        before = speech_of(api, video)
        sound = api.http.get(before[spoken]["url"]).content
        answer = api.http.post(f"/api/videos/{video}/tts/en", json={}).raise_for_status()
        after = answer.json()["segments"]
        assert after[spoken] == before[spoken]
        assert api.http.get(after[spoken]["url"]).content == sound
        assert (after[failed]["failed"], after[failed]["error"]) == (False, None)
        assert sound_in(api.http.get(after[failed]["url"]).content).seconds > 0.5
        assert len(openai_server.requests_to(Endpoint.SPEECH)) == 1

        again = api.http.post(f"/api/videos/{video}/tts/en", json={})
        assert (again.status_code, again.json()["code"]) == (409, "nothing_to_speak")

    @pytest.mark.parametrize("count", [1, 3])
    def test_every_line_may_fail(
        self,
        api: LiveServer,
        openai_server: LoopbackOpenAI,
        video: str,
        bring: Callable[..., None],
        count: int,
    ) -> None:
        """The dub has the original sound, and one call speaks the lines when they can be spoken."""
        texts = [f"Unspeakable line number {number}." for number in range(count)]
        bring(video, "translations/en", script(texts, step=1.5))
        openai_server.fail(Endpoint.SPEECH, BAD_REQUEST, times=count)
        result = speak(api, video)
        assert (result["partial"], result["failed_segments"]) == (True, list(range(count)))
        api.completed(f"/api/videos/{video}/generate-dubbed-video", {"language": "en"})
        report = api.http.get(f"/api/videos/{video}/dubbed-videos/en/report").raise_for_status().json()
        assert report["tracks"][0]["failed_segments"] == list(range(count))
        answer = api.http.post(f"/api/videos/{video}/tts/en", json={}).raise_for_status()
        assert not any(line["failed"] for line in answer.json()["segments"])

    def test_a_line_that_has_sound_keeps_it_when_it_cannot_be_spoken_anew(
        self, api: LiveServer, openai_server: LoopbackOpenAI, video: str, bring: Callable[..., None]
    ) -> None:
        bring(video, "translations/en", script(["A line that is spoken once."]))
        speak(api, video)
        before = speech_of(api, video)
        openai_server.fail(Endpoint.SPEECH, BAD_REQUEST)
        task = api.run(f"/api/videos/{video}/generate-tts", {"language": "en", "voice_id": "nova"})
        assert (task["status"], task["error"]["code"]) == ("failed", "engine_refused")
        assert speech_of(api, video) == before

    def test_silence_is_no_speech(
        self, api: LiveServer, openai_server: LoopbackOpenAI, video: str, own_lines: OwnLines
    ) -> None:
        own_lines("translations/en")
        openai_server.fail(Endpoint.SPEECH, Body(bytes(48_000), "audio/pcm"))
        [failed] = speak(api, video)["failed_segments"]
        assert speech_of(api, video)[failed]["error"]["code"] == "engine_bad_answer"

    def test_a_line_is_not_spoken_over_one_that_is_heard_all_over_the_slot_of_one_that_failed_before(
        self, api: LiveServer, openai_server: LoopbackOpenAI, one_minute: Path, bring: Callable[..., None]
    ) -> None:
        video = api.upload(one_minute)
        texts = ["word after word " * 12, "This fails later.", "This is said again.", "This too."]
        bring(video, "translations/en", script(texts))
        speak(api, video, voice_id="nova", options={"rewrites": 0})
        openai_server.fail_at(Endpoint.SPEECH, texts[1], BAD_REQUEST)
        for ids in ([1, 3], [2]):
            api.http.post(f"/api/videos/{video}/tts/en", json={"segment_ids": ids}).raise_for_status()
        openai_server.recover()
        lines = speech_of(api, video)
        assert [line["failed"] for line in lines] == [False, True, False, False]
        assert lines[2]["placed_start"] >= lines[0]["placed_start"] + lines[0]["duration"]


class TestCrowdedRetakes:
    FAILED = 7

    @pytest.fixture
    def crowded(self, api: LiveServer, openai_server: LoopbackOpenAI, one_minute: Path) -> str:
        """A video whose lines have hardly time enough, and of which some failed."""
        video = api.upload(one_minute)
        of_its_own = video[-5:].translate(str.maketrans("0123456789", "ghijklmnop"))
        texts = [f"{sentence(number)} {of_its_own}" for number in range(LINES)]
        bring_track(api, video, "original", script(texts, share=0.95))
        bring_track(api, video, "translations/en", script(texts, share=0.95))
        openai_server.fail(Endpoint.SPEECH, BAD_REQUEST, times=self.FAILED)
        result = speak(api, video, voice_id=MixedVoices.DRAWN)
        assert len(result["failed_segments"]) == self.FAILED
        openai_server.forget()
        return video

    def test_the_slots_of_failed_lines_are_free(self, api: LiveServer, crowded: str) -> None:
        for before, line, after in triplewise(speech_of(api, crowded)):
            if line["failed"]:
                assert line["placed_start"] == line["start"]
                assert before["placed_start"] + before["duration"] <= line["start"] + 1e-6
                assert after["placed_start"] >= line["end"] - 1e-6

    def test_they_are_made_to_fit_between_the_others(self, api: LiveServer, crowded: str) -> None:
        before = speech_of(api, crowded)
        answer = api.http.post(f"/api/videos/{crowded}/tts/en", json={}).raise_for_status()
        after = answer.json()["segments"]
        assert [line for line, old in zip(after, before, strict=True) if not old["failed"]] == [
            line for line in before if not line["failed"]
        ]
        assert all(line["speed"] <= 1.3 for line in after)
        assert all(
            line["placed_start"] + line["duration"] <= following["placed_start"] + 1e-6
            for line, following in pairwise(after)
        )
        assert moved_by_the_last_task(api, crowded) == []

    def test_who_makes_room_for_what_does_not_fit_is_told(self, api: LiveServer, crowded: str) -> None:
        before = speech_of(api, crowded)
        number = next(line["id"] for line in before[5:] if not line["failed"])
        endless = "Incomprehensibilities-of-internationalization-and-industrialization-everywhere"
        edit = {"segments": [{"id": number, "text": endless}]}
        api.http.put(f"/api/videos/{crowded}/subtitles/translations/en", json=edit).raise_for_status()
        body = {"segment_ids": [number]}
        after = api.http.post(f"/api/videos/{crowded}/tts/en", json=body).raise_for_status().json()
        changed = [
            line["id"]
            for line, old in zip(after["segments"], before, strict=True)
            if line["id"] != number and line != old
        ]
        assert changed
        assert moved_by_the_last_task(api, crowded) == changed


def moved_by_the_last_task(api: LiveServer, video: str) -> list[int]:
    jobs = api.http.get(f"/api/videos/{video}/jobs").raise_for_status().json()["jobs"]
    moved: list[int] = api.task(jobs[-1]["job_id"])["result"]["moved_segments"]
    return moved


def test_files_are_made_when_they_are_asked_for(api: LiveServer, video: str, own_lines: OwnLines) -> None:
    own_lines("translations/en")
    speak(api, video, audio_format="mp3")
    for path in (f"/api/videos/{video}/audio?language=en", f"/api/videos/{video}/tts/en/segments/0/audio"):
        head = api.http.head(path)
        whole = api.http.get(path)
        assert (head.status_code, head.headers["content-type"]) == (200, "audio/mpeg")
        assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content))
        assert head.headers["etag"] == whole.headers["etag"]
        assert sound_in(whole.content).seconds > 0.5


def test_what_it_cost_is_told(api: LiveServer, video: str, own_lines: OwnLines) -> None:
    own_lines("translations/en")
    speak(api, video)
    first = [line["cost"] for line in speech_of(api, video)]
    assert all(0 < cost < 0.001 for cost in first)
    speak(api, video, options={"volume_gain_db": 3.0})
    assert [line["cost"] for line in speech_of(api, video)] == [0.0, 0.0]


def test_lines_come_and_go_with_the_next_full_speech(
    api: LiveServer, openai_server: LoopbackOpenAI, video: str, own_lines: OwnLines
) -> None:
    """Speaking one again leaves the track's lines as they are."""
    own_lines("translations/en")
    speak(api, video)
    added = {"id": 7, "start": 4.2, "end": 4.9, "text": f"Bye {video[-5:]}"}
    edit = {"segments": [{"id": 0, "deleted": True}, added]}
    api.http.put(f"/api/videos/{video}/subtitles/translations/en", json=edit).raise_for_status()
    openai_server.forget()

    again = api.http.post(f"/api/videos/{video}/tts/en", json={"segment_ids": [1]}).raise_for_status()
    assert [line["id"] for line in again.json()["segments"]] == [0, 1]
    speak(api, video)
    assert [line["id"] for line in speech_of(api, video)] == [1, 7]
    assert len(openai_server.requests_to(Endpoint.SPEECH)) == 2
