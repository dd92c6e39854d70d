"""Checking and mending tracks over HTTP."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.subtitles.cues import Cue
from app.subtitles.formatter import serialise
from tests.conftest import make_clip
from tests.live_server import Json, LiveServer

Bring = Callable[..., None]

LONG_LINE = "When all was over in the end, nobody knew what to say."
HARD = f"""WEBVTT

00:00.500 --> 00:02.900
{LONG_LINE}

00:02.900 --> 00:03.200
Fine.
"""
TRACKS = ["original", "translations/es"]


def check(api: LiveServer, video: str, track: str, **headers: str) -> Json:
    path = f"/api/videos/{video}/subtitles/{track}/check"
    body: Json = api.http.get(path, headers=headers).raise_for_status().json()
    return body


def fix(api: LiveServer, video: str, track: str, body: Json | None = None, **headers: str) -> httpx.Response:
    return api.http.post(f"/api/videos/{video}/subtitles/{track}/fix", json=body, headers=headers)


def track_of(api: LiveServer, video: str, track: str) -> httpx.Response:
    return api.http.get(f"/api/videos/{video}/subtitles/{track}").raise_for_status()


def rules_broken(answer: Json) -> list[tuple[int, list[str]]]:
    return [
        (segment["id"], [finding["rule"] for finding in segment["findings"]])
        for segment in answer["segments"]
    ]


@pytest.fixture
def hard(video: str, bring: Bring) -> str:
    """A video of 5 s whose tracks hold one line that is too long, and one that is too short."""
    for track in TRACKS:
        bring(
            video,
            track,
            HARD.replace(LONG_LINE, "가나다라마바 사아자차카타파하 가나다라마")
            if track == "original"
            else HARD,
        )
    return video


def test_a_translation_is_checked_by_the_rules_of_its_language(api: LiveServer, hard: str) -> None:
    answer = check(api, hard, "translations/es", **{"Accept-Language": "en"})
    assert answer["language"] == "es"
    assert (answer["rules"]["characters_per_line"], answer["rules"]["characters_per_second"]) == (42, 17)
    assert rules_broken(answer) == [
        (0, ["line_too_long", "too_fast", "gap_too_small"]),
        (1, ["too_short"]),
    ]
    assert answer["findings_count"] == 4
    line, _, gap = answer["segments"][0]["findings"]
    assert (line["measured"], line["limit"]) == (len(LONG_LINE), 42)
    assert line["message"] == f"A line has {len(LONG_LINE)} characters; 42 fit."
    assert gap["other_id"] == 1


def test_the_original_has_those_of_its_own_and_is_told_in_korean(api: LiveServer, hard: str) -> None:
    answer = check(api, hard, "original", **{"Accept-Language": "ko"})
    assert (answer["language"], answer["rules"]["characters_per_line"]) == ("ko", 16)
    assert "자" in answer["segments"][0]["findings"][0]["message"]


def test_the_gap_is_two_frames_of_the_video(api: LiveServer, tmp_path: Path, bring: Bring) -> None:
    clip = tmp_path / "fast.mp4"
    make_clip(clip, seconds=4, size="160x90", rate=50)
    video = api.upload(clip)
    bring(video, "original", HARD)
    assert check(api, video, "original")["rules"]["least_gap"] == 0.04


@pytest.mark.parametrize("track", TRACKS)
def test_mending_is_a_new_version_with_fewer_findings(api: LiveServer, hard: str, track: str) -> None:
    before = track_of(api, hard, track)
    answer = fix(api, hard, track, None, **{"If-Match": before.headers["etag"]}).raise_for_status()
    after = track_of(api, hard, track)

    body = answer.json()
    assert body["saved"]
    assert body["remaining"] == check(api, hard, track)
    assert body["remaining"]["findings_count"] < body["findings_before"]
    assert after.headers["etag"] == answer.headers["etag"] != before.headers["etag"]
    words = [" ".join(line["text"] for line in read.json()["segments"]).split() for read in (before, after)]
    assert words[0] == words[1]


def test_what_mending_changed_is_told(api: LiveServer, hard: str) -> None:
    body = fix(api, hard, "translations/es").raise_for_status().json()
    assert body == body | {
        "added_segments": 0,
        "removed_segments": 0,
        "rewrapped_segments": 1,
        "retimed_segments": 2,
        "findings_before": 4,
    }
    lines = track_of(api, hard, "translations/es").json()["segments"]
    assert lines[0]["text"] == "When all was over in the end,\nnobody knew what to say."
    assert lines[0]["end"] < lines[1]["start"]
    assert lines[1]["end"] - lines[1]["start"] == pytest.approx(0.833, abs=0.001)


@pytest.mark.parametrize("track", TRACKS)
def test_a_dry_run_only_tells(api: LiveServer, hard: str, track: str) -> None:
    before = track_of(api, hard, track)
    told = fix(api, hard, track, {"dry_run": True}).raise_for_status()
    after = track_of(api, hard, track)
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])
    assert told.headers["etag"] == before.headers["etag"]
    assert not told.json()["saved"]
    assert fix(api, hard, track).json() == told.json() | {"saved": True}


@pytest.mark.parametrize("track", TRACKS)
def test_mending_again_changes_nothing(api: LiveServer, hard: str, track: str) -> None:
    first = fix(api, hard, track).raise_for_status()
    again = fix(api, hard, track).raise_for_status()
    assert again.headers["etag"] == first.headers["etag"]
    assert not again.json()["saved"]


@pytest.mark.parametrize("track", TRACKS)
def test_a_track_that_changed_meanwhile_is_not_mended(api: LiveServer, hard: str, track: str) -> None:
    before = track_of(api, hard, track)
    answer = fix(api, hard, track, None, **{"If-Match": '"of another day"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert track_of(api, hard, track).json() == before.json()


@pytest.mark.parametrize("track", TRACKS)
def test_an_edit_made_while_a_track_is_mended_is_not_lost(
    api: LiveServer, video: str, bring: Bring, track: str
) -> None:
    """The last line is beyond the video's end, where mending leaves it as it is."""
    crowded = [Cue(number * 0.06, (number + 1) * 0.06, LONG_LINE) for number in range(80)]
    bring(video, track, serialise([*crowded, Cue(100.0, 102.0, "Lost?")], "vtt", "en"))
    edit = {"segments": [{"id": len(crowded), "text": "Kept."}]}
    with ThreadPoolExecutor(1) as threads:
        mending = threads.submit(fix, api, video, track)
        httpx.put(f"{api.url}/api/videos/{video}/subtitles/{track}", json=edit).raise_for_status()
        assert mending.result().json()["saved"]
    after = track_of(api, video, track).json()["segments"]
    assert "\n" in after[0]["text"]
    assert after[-1]["text"] == "Kept."


@pytest.mark.parametrize(
    ("track", "code"), [("original", "subtitles_not_ready"), ("translations/es", "translation_not_ready")]
)
def test_a_track_that_is_not_there(api: LiveServer, video: str, track: str, code: str) -> None:
    checked = api.http.get(f"/api/videos/{video}/subtitles/{track}/check")
    mended = fix(api, video, track)
    assert (checked.status_code, checked.json()["code"]) == (409, code)
    assert (mended.status_code, mended.json()["code"]) == (409, code)


def test_a_body_that_cannot_be(api: LiveServer, hard: str) -> None:
    answer = fix(api, hard, "original", {"dry_run": "yes"})
    assert [error["field"] for error in answer.json()["errors"]] == ["dry_run"]
