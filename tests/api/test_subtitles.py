"""The original subtitles over HTTP: reading, editing by id, and tracks that users bring."""

import itertools
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.subtitles.engines.base import Transcript, TranscriptSegment
from tests.api.conftest import bring_track
from tests.api.walk import Walk
from tests.live_server import Json, LiveServer
from tests.loopback.engines import ScriptedTranscriber
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

Bring = Callable[..., None]

WILD_AND_READABLE = {
    "ax_typical_extra_blank_line.srt": 3,
    "ax_typical_no_hours_and_millis.srt": 3,
    "ax_typical_utf16be.srt": 3,
    "ax_typical_with_byte_order_mark.srt": 3,
    "es_latin1_crlf.srt": 14,
    "gb2312.srt": 3,
    "ko_cp949_overlap.srt": 4,
    "elephantsdream_ja.vtt": 77,
    "tags_entities.vtt": 22,
    "w3c_timings-negative.vtt": 4,
    "wv_captions_with_bom.vtt": 4,
    "wv_missing_timeframe.vtt": 6,
}
MIME_TYPES = {".srt": "application/x-subrip", ".vtt": "text/vtt"}


def track_of(api: LiveServer, video: str) -> Json:
    body: Json = api.http.get(f"/api/videos/{video}/subtitles/original").raise_for_status().json()
    return body


def lines_of(api: LiveServer, video: str) -> list[tuple[int, float, float, str]]:
    return [
        (line["id"], line["start"], line["end"], line["text"]) for line in track_of(api, video)["segments"]
    ]


def edit(api: LiveServer, video: str, *segments: Json, **headers: str) -> httpx.Response:
    path = f"/api/videos/{video}/subtitles/original"
    return api.http.put(path, json={"segments": segments}, headers=headers)


@pytest.fixture
def subtitled(video: str, bring: Bring) -> str:
    """A video with two lines: 0.5 to 2 s and 2.5 to 4 s."""
    bring(video, "original")
    return video


@pytest.fixture(scope="module")
def unchanged(shared_api: LiveServer, short_clip: Path) -> str:
    """The same, shared by tests whose edits are all refused."""
    video = shared_api.upload(short_clip)
    bring_track(shared_api, video, "original")
    return video


class TestExtraction:
    def test_without_a_body(self, api: LiveServer, video: str) -> None:
        result = api.completed(f"/api/videos/{video}/extract-subtitles")
        assert result["detected_language"] == "en"
        assert track_of(api, video)["whisper_model"] == "whisper-large-v2"

    def test_the_video_s_language_is_told_to_the_engine(
        self, api: LiveServer, short_clip: Path, openai_server: LoopbackOpenAI
    ) -> None:
        video = api.upload(short_clip, source_language="ko-KR")
        api.completed(f"/api/videos/{video}/extract-subtitles")
        heard = openai_server.requests_to(Endpoint.TRANSCRIPTIONS)
        assert [request.fields["language"] for request in heard] == ["ko"]
        assert track_of(api, video)["language"] in ("ko", "ko-KR")

    def test_words(self, api: LiveServer, video: str) -> None:
        api.completed(f"/api/videos/{video}/extract-subtitles", {"timestamp_granularity": "word"})
        for line in track_of(api, video)["segments"]:
            assert " ".join(word["text"] for word in line["words"]) == line["text"]
            for word in line["words"]:
                assert set(word) == {"start", "end", "text", "probability"}
                assert line["start"] <= word["start"] < word["end"] <= line["end"] + 0.5

    def test_long_segments_are_cut(self, api: LiveServer, video: str) -> None:
        api.completed(f"/api/videos/{video}/extract-subtitles", {"segments": {"max_length": 1.5}})
        lines = track_of(api, video)["segments"]
        assert len(lines) > 2
        assert all(line["end"] - line["start"] <= 1.5 + 0.01 for line in lines)

    def test_words_come_only_when_asked_for(self, api: LiveServer, video: str) -> None:
        api.completed(f"/api/videos/{video}/extract-subtitles", {"timestamp_granularity": "segment"})
        assert not any("words" in line for line in track_of(api, video)["segments"])

    def test_a_pause_ends_a_segment(self, api: LiveServer, video: str) -> None:
        """The clip's bursts of sound are a second and a half apart; the engine hears no pause in a sentence
        but the one the recording has after its fifth word."""
        numbers = []
        for min_silence in (2.0, 0.1):
            options = {"segments": {"min_silence": min_silence}}
            api.completed(f"/api/videos/{video}/extract-subtitles", options)
            numbers.append(len(track_of(api, video)["segments"]))
        assert numbers[0] < numbers[1]

    def test_the_temperature_is_told_to_the_engine(
        self, api: LiveServer, video: str, openai_server: LoopbackOpenAI
    ) -> None:
        for temperature in (0.35, 0.4):
            api.completed(f"/api/videos/{video}/extract-subtitles", {"temperature": temperature})
        heard = openai_server.requests_to(Endpoint.TRANSCRIPTIONS)
        assert [request.fields["temperature"] for request in heard] == ["0.35", "0.4"]

    def test_a_word_begins_with_the_sound(self, api: LiveServer, video: str) -> None:
        """The engine says from 0.2 s to 0.54 s; the sound begins at 0.5 s."""
        api.completed(f"/api/videos/{video}/extract-subtitles", {"timestamp_granularity": "word"})
        first = track_of(api, video)["segments"][0]
        assert first["start"] == first["words"][0]["start"] == pytest.approx(0.5, abs=0.03)
        assert first["words"][0]["end"] == pytest.approx(0.543, abs=0.001)

    def test_speakers(self, api: LiveServer, video: str) -> None:
        model = {"model": "gpt-4o-transcribe-diarize", "timestamp_granularity": "word"}
        api.completed(f"/api/videos/{video}/extract-subtitles", model)
        lines = track_of(api, video)["segments"]
        assert [line["speaker"] for line in lines] == ["A"] * len(lines)
        assert lines
        assert not any("words" in line for line in lines)

    def test_a_new_extraction_takes_the_place_of_the_old_track(self, api: LiveServer, subtitled: str) -> None:
        api.completed(f"/api/videos/{subtitled}/extract-subtitles")
        track = track_of(api, subtitled)
        assert track["model_used"] == "whisper-1"
        assert "giant leap" not in str(track)

    def test_an_engine_that_does_not_tell_how_sure_it_is(self, api: LiveServer, video: str) -> None:
        api.completed(f"/api/videos/{video}/extract-subtitles", {"model": "gpt-transcribe"})
        track = track_of(api, video)
        assert (track["whisper_model"], track["model_used"]) == ("gpt-transcribe", "gpt-transcribe")
        assert track["segments"]
        assert all(line["confidence"] is None for line in track["segments"])
        assert track["metadata"]["average_confidence"] is None

    def test_an_engine_that_tells_no_times(self, api: LiveServer, video: str) -> None:
        body = {"model": "gpt-transcribe", "timestamp_granularity": "word"}
        api.completed(f"/api/videos/{video}/extract-subtitles", body)
        track = track_of(api, video)
        assert track["metadata"]["estimated_times"] is True
        assert not any("words" in line for line in track["segments"])
        api.completed(f"/api/videos/{video}/extract-subtitles")
        assert track_of(api, video)["metadata"]["estimated_times"] is False

    def test_a_video_without_sound(self, api: LiveServer, shared_media: Path) -> None:
        video = api.upload(shared_media / "video" / "no_audio.mp4")
        answer = api.http.post(f"/api/videos/{video}/extract-subtitles")
        assert (answer.status_code, answer.json()["code"]) == (422, "no_audio_track")
        assert f"PUT /api/videos/{video}/subtitles/original" in answer.json()["next"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"language": "xx-yy-zz"}, "language"),
            ({"model": "whisper large"}, "model"),
            ({"timestamp_granularity": "letter"}, "timestamp_granularity"),
            ({"temperature": 1.1}, "temperature"),
            ({"temperature": "0.5"}, "temperature"),
            ({"segments": {"max_length": 0}}, "segments.max_length"),
            ({"segments": {"min_silence": -1}}, "segments.min_silence"),
            ({"segments": {"longest": 3}}, "segments.longest"),
            ({"prompt": "hello"}, "prompt"),
        ],
    )
    def test_options_that_cannot_be(self, walk: Walk, body: dict[str, object], field: str) -> None:
        answer = walk.server.http.post(walk.path("/extract-subtitles"), json=body)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


class TestEditing:
    def test_only_what_is_given_changes(self, api: LiveServer, subtitled: str) -> None:
        assert edit(api, subtitled, {"id": 1, "text": "Changed."}).is_success
        assert edit(api, subtitled, {"id": 0, "end": 2.25}).is_success
        assert lines_of(api, subtitled) == [
            (0, 0.5, 2.25, "One small step."),
            (1, 2.5, 4.0, "Changed."),
        ]

    def test_adding_keeps_the_order_of_time(self, api: LiveServer, subtitled: str) -> None:
        assert edit(api, subtitled, {"id": 7, "start": 2.0, "end": 2.5, "text": "Between."}).is_success
        assert [line[0] for line in lines_of(api, subtitled)] == [0, 7, 1]

    def test_speakers_are_named_kept_and_cleared(self, api: LiveServer, subtitled: str) -> None:
        def speakers() -> list[str | None]:
            return [line["speaker"] for line in track_of(api, subtitled)["segments"]]

        assert speakers() == [None, None]
        assert edit(api, subtitled, {"id": 0, "speaker": " Ana "}, {"id": 1, "speaker": "Ben"}).is_success
        assert edit(api, subtitled, {"id": 0, "text": "Changed."}).is_success
        assert speakers() == ["Ana", "Ben"]
        assert edit(api, subtitled, {"id": 1, "speaker": ""}).is_success
        assert speakers() == ["Ana", None]
        added = {"id": 7, "start": 2.0, "end": 2.5, "text": "Between.", "speaker": "Cleo"}
        assert edit(api, subtitled, added).is_success
        assert speakers() == ["Ana", "Cleo", None]

    def test_removing(self, api: LiveServer, subtitled: str) -> None:
        assert edit(api, subtitled, {"id": 0, "deleted": True}).is_success
        assert [line[0] for line in lines_of(api, subtitled)] == [1]

    def test_all_changes_are_made_before_overlaps_are_looked_for(
        self, api: LiveServer, subtitled: str
    ) -> None:
        swapped = edit(api, subtitled, {"id": 0, "start": 2.5, "end": 4}, {"id": 1, "start": 0.5, "end": 2})
        assert swapped.is_success
        assert [line[0] for line in lines_of(api, subtitled)] == [1, 0]

    @pytest.mark.parametrize(
        ("segments", "code", "field", "told"),
        [
            ([{"id": 1, "start": 3, "end": 2.6}], "segment_times_invalid", "segments.0.end", "Segment 1"),
            ([{"id": 1, "start": -1}], "segment_times_invalid", "segments.0.start", "Segment 1"),
            ([{"id": 1, "start": 1.5}], "segment_overlap", "segments.0.start", "segment 0"),
            ([{"id": 0, "text": "ok"}, {"id": 1, "end": 60}], "segment_beyond_video", "segments.1.end", "1"),
            ([{"id": 5, "start": 4.2, "text": "x"}], "segment_incomplete", "segments.0.end", "Segment 5"),
            ([{"id": 0, "text": " "}], "segment_incomplete", "segments.0.text", "Segment 0"),
            ([{"id": 9, "deleted": True}], "segment_not_found", "segments.0.id", "9"),
            ([{"id": 0, "text": "a"}, {"id": 0, "text": "b"}], "segment_duplicated", "segments.1.id", "0"),
            ([{"id": 0, "txt": "typo"}], "invalid_request", "segments.0.txt", "segments.0.txt"),
            (
                [{"id": 0, "speaker": "x" * 101}],
                "invalid_request",
                "segments.0.speaker",
                "segments.0.speaker",
            ),
            ([{"id": "0", "text": "x"}], "invalid_request", "segments.0.id", "segments.0.id"),
            ([{"id": 0, "start": "1"}], "invalid_request", "segments.0.start", "segments.0.start"),
            ([{"text": "x"}], "invalid_request", "segments.0.id", "segments.0.id"),
            ([], "invalid_request", "segments", "segments"),
        ],
    )
    def test_changes_that_cannot_be_name_the_segment(
        self, api: LiveServer, unchanged: str, segments: list[Json], code: str, field: str, told: str
    ) -> None:
        before = track_of(api, unchanged)
        answer = edit(api, unchanged, *segments)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert answer.json()["errors"][0]["field"] == field
        assert told in answer.json()["detail"]
        assert track_of(api, unchanged) == before

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"segments"', b'{"segments": [NaN]}', b"\xff"])
    def test_bodies_that_are_no_edit(self, api: LiveServer, unchanged: str, content: bytes) -> None:
        answer = api.http.put(
            f"/api/videos/{unchanged}/subtitles/original",
            content=content,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 422
        assert answer.json()["code"] in ("invalid_json", "invalid_request")

    def test_a_track_that_is_not_there(self, api: LiveServer, video: str) -> None:
        answer = edit(api, video, {"id": 0, "text": "x"})
        assert (answer.status_code, answer.json()["code"]) == (409, "subtitles_not_ready")

    def test_a_lost_update_is_refused(self, api: LiveServer, subtitled: str) -> None:
        read = api.http.get(f"/api/videos/{subtitled}/subtitles/original").headers["etag"]
        mine = edit(api, subtitled, {"id": 0, "text": "Mine."}, **{"If-Match": read})
        theirs = edit(api, subtitled, {"id": 0, "text": "Theirs."}, **{"If-Match": read})
        assert mine.is_success
        assert (theirs.status_code, theirs.json()["code"]) == (412, "precondition_failed")
        assert lines_of(api, subtitled)[0][3] == "Mine."
        again = edit(api, subtitled, {"id": 0, "text": "Theirs."}, **{"If-Match": mine.headers["etag"]})
        assert again.is_success

    def test_if_match_any(self, api: LiveServer, subtitled: str) -> None:
        assert edit(api, subtitled, {"id": 0, "text": "Mine."}, **{"If-Match": "*"}).is_success

    def test_if_match_guards_against_a_track_that_is_gone(self, api: LiveServer, video: str) -> None:
        answer = api.http.put(
            f"/api/videos/{video}/subtitles/original?language=ko",
            content=b"1\n00:00:00,000 --> 00:00:01,000\nHello",
            headers={"Content-Type": "application/x-subrip", "If-Match": '"of another day"'},
        )
        assert answer.status_code == 412

    def test_what_was_heard_holds_for_the_engine_s_text_only(self, api: LiveServer, video: str) -> None:
        api.completed(f"/api/videos/{video}/extract-subtitles", {"timestamp_granularity": "word"})
        edit(api, video, {"id": 0, "text": "Something else."})
        edited, untouched, *_ = track_of(api, video)["segments"]
        assert edited["confidence"] is None
        assert "words" not in edited
        assert untouched["confidence"] > 0.8
        assert untouched["words"]


class TestFiles:
    def put(
        self, api: LiveServer, video: str, content: bytes, media_type: str, language: str | None = "ko"
    ) -> httpx.Response:
        return api.http.put(
            f"/api/videos/{video}/subtitles/original",
            params={"language": language} if language else None,
            content=content,
            headers={"Content-Type": media_type},
        )

    def test_bringing_a_track_makes_one(self, api: LiveServer, video: str, bring: Bring) -> None:
        bring(video, "original")
        track = track_of(api, video)
        assert track["language"] == "ko"
        assert (track["whisper_model"], track["model_used"], track["detected_language"]) == (None, None, None)
        assert track["metadata"]["average_confidence"] is None
        assert api.http.get(f"/api/videos/{video}").json()["subtitles"]["original"]["language"] == "ko"
        assert lines_of(api, video) == [
            (0, 0.5, 2.0, "One small step."),
            (1, 2.5, 4.0, "And a giant leap."),
        ]

    def test_what_was_left_out_is_told_until_another_track_comes(
        self, shared_api: LiveServer, short_clip: Path
    ) -> None:
        made_up = TranscriptSegment(2.2, 3.3, "Thank you for watching!", -0.3, 0.9)
        script = Transcript("en", (TranscriptSegment(0.5, 2.0, "This was said.", -0.1, 0.0), made_up))
        data = shared_api.data_dir.parent / "scripted"
        with (
            LoopbackOpenAI(transcriber=ScriptedTranscriber(script)) as engine,
            LiveServer(data, OPENAI_BASE_URL=engine.url) as api,
        ):
            video = api.upload(short_clip)
            api.completed(f"/api/videos/{video}/extract-subtitles")
            track = track_of(api, video)
            assert [line["text"] for line in track["segments"]] == ["This was said."]
            assert track["metadata"]["left_out"] == [
                {"start": 2.2, "end": 3.3, "text": "Thank you for watching!", "reason": "phantom_phrase"}
            ]
            bring_track(api, video, "original")
            assert track_of(api, video)["metadata"]["left_out"] == []

    def test_a_file_replaces_the_track(self, api: LiveServer, subtitled: str) -> None:
        content = "1\n00:00:01,000 --> 00:00:02,000\n다른 자막\n".encode()
        assert self.put(api, subtitled, content, "application/x-subrip").is_success
        assert lines_of(api, subtitled) == [(0, 1.0, 2.0, "다른 자막")]

    def test_the_language_has_to_be_known(self, api: LiveServer, video: str, short_clip: Path) -> None:
        content = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"
        answer = self.put(api, video, content, "application/x-subrip", language=None)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "language"
        told = api.upload(short_clip, source_language="fr")
        assert self.put(api, told, content, "application/x-subrip", language=None).is_success
        assert track_of(api, told)["language"] == "fr"

    @pytest.mark.parametrize("kind", ["srt", "vtt", "json"])
    def test_downloads(self, api: LiveServer, subtitled: str, kind: str) -> None:
        path = f"/api/videos/{subtitled}/subtitles/original"
        answer = api.http.get(f"{path}/download?format={kind}")
        assert answer.headers["content-disposition"].endswith(f"short.ko.{kind}")
        types = {"srt": "text/plain", "vtt": "text/vtt", "json": "application/json"}
        assert answer.headers["content-type"].split(";")[0] == types[kind]
        assert answer.content == api.http.get(f"{path}?format={kind}").content
        head = api.http.head(f"{path}/download?format={kind}")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(answer.content))

    @pytest.mark.parametrize("kind", ["srt", "vtt"])
    def test_what_is_downloaded_can_be_brought_back(self, api: LiveServer, subtitled: str, kind: str) -> None:
        before = lines_of(api, subtitled)
        content = api.http.get(f"/api/videos/{subtitled}/subtitles/original/download?format={kind}").content
        assert self.put(api, subtitled, content, MIME_TYPES[f".{kind}"]).is_success
        assert lines_of(api, subtitled) == before

    @pytest.mark.parametrize("name", WILD_AND_READABLE)
    def test_wild_files(self, api: LiveServer, video: str, shared_media: Path, name: str) -> None:
        path = shared_media / "subs" / name
        answer = self.put(api, video, path.read_bytes(), MIME_TYPES[path.suffix])
        assert answer.is_success
        lines = lines_of(api, video)
        assert len(lines) == WILD_AND_READABLE[name]
        assert all(start < end for _, start, end, _ in lines)
        assert all(one[2] <= other[1] for one, other in itertools.pairwise(lines))

    def test_every_wild_file_is_read_or_refused_with_its_line(
        self, api: LiveServer, video: str, shared_media: Path
    ) -> None:
        for path in sorted((shared_media / "subs").iterdir()):
            answer = self.put(api, video, path.read_bytes(), MIME_TYPES.get(path.suffix, "text/vtt"))
            assert answer.status_code in (200, 422), (path.name, answer.text)
            if answer.status_code == 422:
                assert answer.json()["code"] == "invalid_subtitle_file"
                assert answer.json()["detail"].startswith("Line ")

    def test_korean_from_before_utf_8(self, api: LiveServer, video: str, shared_media: Path) -> None:
        content = (shared_media / "subs" / "ko_cp949_overlap.srt").read_bytes()
        self.put(api, video, content, "application/x-subrip")
        assert any("가" <= letter <= "힣" for line in lines_of(api, video) for letter in line[3])

    def test_other_types_are_refused(self, api: LiveServer, video: str) -> None:
        answer = self.put(api, video, b"hello", "text/plain")
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        assert "application/x-subrip" in answer.json()["next"]

    def test_a_file_that_is_too_large(self, api: LiveServer, video: str) -> None:
        answer = self.put(api, video, b"WEBVTT\n\n" + b"x" * 11_000_000, "text/vtt")
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_track_without_lines_is_an_empty_file(api: LiveServer, subtitled: str) -> None:
    edit(api, subtitled, {"id": 0, "deleted": True}, {"id": 1, "deleted": True}).raise_for_status()
    path = f"/api/videos/{subtitled}/subtitles/original"
    assert track_of(api, subtitled)["metadata"]["segment_count"] == 0
    assert api.http.get(f"{path}?format=srt").text == ""
    assert api.http.get(f"{path}?format=vtt").text.startswith("WEBVTT")


@pytest.mark.parametrize("path", ["", "/download"])
def test_formats_that_are_not_written(api: LiveServer, subtitled: str, path: str) -> None:
    answer = api.http.get(f"/api/videos/{subtitled}/subtitles/original{path}?format=sub")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "format"
