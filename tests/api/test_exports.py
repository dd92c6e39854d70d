"""Subtitle files beyond one language: .ass files, bilingual ones, and those of the dub as it is spoken."""

import re
from collections.abc import Callable

import pytest

from app.subtitles.formatter import parse
from tests.live_server import Json, LiveServer

Bring = Callable[..., None]

ORIGINAL = """WEBVTT

00:00.500 --> 00:02.000
하나 {가}
"""
TRANSLATION = """WEBVTT

00:00.500 --> 00:02.000
<i>One {{x}}</i>
or \\Two

00:02.500 --> 00:04.000
Three
"""
TRANSLATED = "/subtitles/translations/en"


def get(api: LiveServer, video: str, path: str) -> str:
    return api.http.get(f"/api/videos/{video}{path}").raise_for_status().text


@pytest.fixture
def both(video: str, bring: Bring) -> str:
    """A video with a Korean line, and two English ones of which only the first has it beside it."""
    bring(video, "original", ORIGINAL)
    bring(video, "translations/en", TRANSLATION.replace("{{x}}", "{x}"))
    return video


def events(document: str) -> list[list[str]]:
    """The start, end and text of each event."""
    lines = re.findall(r"^Dialogue: (.*)$", document, re.MULTILINE)
    return [[fields[1], fields[2], fields[9]] for fields in (line.split(",", 9) for line in lines)]


def test_an_ass_file_shows_the_text_as_it_is(api: LiveServer, both: str) -> None:
    document = get(api, both, f"{TRANSLATED}?format=ass")
    assert document.startswith("[Script Info]\nScriptType: v4.00+\n")
    assert events(document) == [
        ["0:00:00.50", "0:00:02.00", "{\\i1}One \\{x\\}{\\i0}\\Nor \\\u2060Two"],
        ["0:00:02.50", "0:00:04.00", "Three"],
    ]


def test_the_original_as_an_ass_file(api: LiveServer, both: str) -> None:
    answer = api.http.get(f"/api/videos/{both}/subtitles/original/download?format=ass").raise_for_status()
    assert answer.headers["content-type"] == "text/x-ssa; charset=utf-8"
    assert answer.headers["content-disposition"].endswith("short.ko.ass")
    assert events(answer.text) == [["0:00:00.50", "0:00:02.00", "하나 \\{가\\}"]]


@pytest.mark.parametrize(("kind", "media_type"), [("vtt", "text/vtt"), ("ass", "text/x-ssa")])
def test_speakers_come_and_go_with_files(api: LiveServer, both: str, kind: str, media_type: str) -> None:
    edit = {"segments": [{"id": 0, "speaker": "Anna"}]}
    original = f"/api/videos/{both}/subtitles/original"
    api.http.put(original, json=edit).raise_for_status()
    file = get(api, both, f"/subtitles/original?format={kind}")
    api.http.put(original, json={"segments": [{"id": 0, "speaker": ""}]}).raise_for_status()
    headers = {"Content-Type": media_type}
    api.http.put(f"{original}?language=ko", content=file.encode(), headers=headers).raise_for_status()
    [line] = api.http.get(original).json()["segments"]
    assert (line["text"], line["speaker"]) == ("하나 {가}", "Anna")


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_bilingual(api: LiveServer, both: str, kind: str) -> None:
    content = get(api, both, f"{TRANSLATED}?format={kind}&bilingual=true").encode()
    cues = parse(content, "vtt" if kind == "vtt" else "srt")
    assert [cue.text for cue in cues] == ["<i>One {x}</i>\nor \\Two\n하나 {가}", "Three"]
    assert [(cue.start, cue.end) for cue in cues] == [(0.5, 2.0), (2.5, 4.0)]


def test_bilingual_in_an_ass_file_has_the_original_smaller(api: LiveServer, both: str) -> None:
    document = get(api, both, f"{TRANSLATED}?format=ass&bilingual=true")
    assert [event[2] for event in events(document)] == [
        "{\\i1}One \\{x\\}{\\i0}\\Nor \\\u2060Two\\N{\\rBelow}하나 \\{가\\}",
        "Three",
    ]
    sizes = {
        name: float(size)
        for name, size in re.findall(r"^Style: (\w+),[^,]+,([\d.]+)", document, re.MULTILINE)
    }
    assert sizes["Below"] < sizes["Default"]


def test_a_bilingual_download_is_named_after_both(api: LiveServer, both: str) -> None:
    path = f"/api/videos/{both}{TRANSLATED}"
    answer = api.http.get(f"{path}/download?bilingual=true").raise_for_status()
    assert (
        "short.en%2Bko.srt" in answer.headers["content-disposition"]
        or "short.en+ko.srt" in answer.headers["content-disposition"]
    )
    assert answer.text == get(api, both, f"{TRANSLATED}?format=srt&bilingual=true")
    assert "하나" not in get(api, both, f"{TRANSLATED}/download")


@pytest.mark.parametrize("track", ["subtitles/original", "tts/en/subtitles"])
@pytest.mark.parametrize("kind", ["", "/download"])
def test_a_track_of_one_language_is_not_bilingual(api: LiveServer, both: str, track: str, kind: str) -> None:
    answer = api.http.get(f"/api/videos/{both}/{track}{kind}?format=srt&bilingual=true")
    assert (answer.status_code, answer.json()["code"]) == (422, "bilingual_unavailable")
    assert f"/api/videos/{both}/subtitles/translations/en?bilingual=true" in answer.json()["next"]


@pytest.fixture
def spoken(api: LiveServer, both: str) -> Json:
    api.completed(f"/api/videos/{both}/generate-tts", {"language": "en", "voice_id": "nova"})
    body: Json = api.http.get(f"/api/videos/{both}/tts/en").raise_for_status().json()
    return body


def test_the_subtitles_of_the_dub_follow_the_voice(api: LiveServer, spoken: Json) -> None:
    path = f"/api/videos/{spoken['video_id']}/tts/en/subtitles"
    for kind in ("srt", "vtt"):
        cues = parse(
            api.http.get(f"{path}?format={kind}").raise_for_status().content,
            "srt" if kind == "srt" else "vtt",
        )
        for cue, line in zip(cues, spoken["segments"], strict=True):
            assert cue.start == pytest.approx(line["placed_start"], abs=0.002)
            assert cue.end == pytest.approx(line["placed_start"] + line["duration"], abs=0.002)
        assert [cue.text.split() for cue in cues] == [line["text"].split() for line in spoken["segments"]]
    assert len(events(api.http.get(f"{path}?format=ass").text)) == len(spoken["segments"])


def test_downloading_the_subtitles_of_the_dub(api: LiveServer, spoken: Json) -> None:
    path = f"/api/videos/{spoken['video_id']}/tts/en/subtitles"
    read, download = api.http.get(path), api.http.get(f"{path}/download")
    assert download.headers["content-disposition"].endswith("short.en.srt")
    assert read.text == download.text
    assert api.http.get(path, headers={"If-None-Match": read.headers["etag"]}).status_code == 304
    assert api.http.head(f"{path}/download").headers["content-length"] == str(len(download.content))


def test_a_dub_that_is_not_there(api: LiveServer, both: str) -> None:
    answer = api.http.get(f"/api/videos/{both}/tts/en/subtitles")
    assert (answer.status_code, answer.json()["code"]) == (409, "speech_not_ready")


def test_the_subtitles_of_the_dub_have_no_json(api: LiveServer, both: str) -> None:
    answer = api.http.get(f"/api/videos/{both}/tts/en/subtitles?format=json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "format")
