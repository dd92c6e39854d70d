"""What careful and careless clients do: odd names, long tracks, changed minds."""

import json
import time
from pathlib import Path

import pytest

from tests.api.conftest import bring_track
from tests.live_server import LiveServer

LONG = 6000
PROMPTLY = 3.0


def srt(lines: int) -> str:
    """As many cues of half a second."""

    def clock(second: float) -> str:
        minutes, rest = divmod(second, 60)
        return f"{int(minutes // 60):02}:{int(minutes % 60):02}:{rest:06.3f}".replace(".", ",")

    return "".join(
        f"{number}\n{clock(number / 2)} --> {clock(number / 2 + 0.4)}\nLine {number}\n\n"
        for number in range(1, lines + 1)
    )


@pytest.mark.parametrize("title", ["x\r\nSet-Cookie: evil=1", 'a/b\\c "d"', "제목 🎬", "nul\x00tab\t"])
def test_any_title_can_be_a_file_name(api: LiveServer, short_clip: Path, title: str) -> None:
    video = api.upload(short_clip, metadata=json.dumps({"title": title}))
    bring_track(api, video, "original")

    answer = api.http.get(f"/api/videos/{video}/subtitles/original/download")

    assert answer.status_code == 200
    assert "evil" not in answer.headers.get("set-cookie", "")
    assert not set("/\\") & set(answer.headers["content-disposition"].split("filename*=")[0][23:])


def test_form_fields_nobody_knows_are_refused(api: LiveServer, short_clip: Path) -> None:
    with short_clip.open("rb") as file:
        answer = api.http.post("/api/videos/upload", files={"video": file}, data={"colour": "red"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "colour"


@pytest.mark.parametrize("metadata", ["[" * 3000, '{"title": ' + "1" * 5000 + "}", "[]", "{"])
def test_metadata_that_is_no_object(api: LiveServer, short_clip: Path, metadata: str) -> None:
    with short_clip.open("rb") as file:
        answer = api.http.post("/api/videos/upload", files={"video": file}, data={"metadata": metadata})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("bytes=0-0", 206),
        ("Bytes=-1", 206),
        ("bytes=-0", 416),
        ("bytes=99999999-", 416),
        ("bytes=" + "9" * 5000 + "-", 200),
        ("bytes=0-1,4-5", 200),
    ],
)
def test_ranges(api: LiveServer, video: str, wanted: str, status: int) -> None:
    answer = api.http.get(f"/api/videos/{video}/file", headers={"Range": wanted})
    assert answer.status_code == status


def test_a_client_that_has_the_track_already(api: LiveServer, video: str) -> None:
    bring_track(api, video, "original")
    path = f"/api/videos/{video}/subtitles/original"
    etag = api.http.get(path).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        assert api.http.get(path, headers={"If-None-Match": known}).status_code == 304, known
    assert api.http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_long_tracks_take_no_quadratic_time(api: LiveServer, video: str) -> None:
    """Six thousand lines beside six thousand took half a minute when each looked at all."""
    bring_track(api, video, "original", srt(LONG), "application/x-subrip")
    began = time.monotonic()
    bring_track(api, video, "translations/fr", srt(LONG), "application/x-subrip")
    assert time.monotonic() - began < 5 * PROMPTLY
    track = api.http.get(f"/api/videos/{video}/subtitles/translations/fr").json()
    assert len(track["segments"]) == LONG
    assert all(line["text"] == line["original_text"] for line in track["segments"])


def test_a_file_with_too_many_cues(api: LiveServer, video: str) -> None:
    path = f"/api/videos/{video}/subtitles/original?language=en"
    headers = {"Content-Type": "application/x-subrip"}
    answer = api.http.put(path, content=srt(20_001).encode(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_subtitle_file")


def test_lines_after_the_end_of_the_video_are_kept_and_not_spoken(api: LiveServer, video: str) -> None:
    late = "WEBVTT\n\n00:01.000 --> 00:02.000\nNow\n\n01:00.000 --> 01:02.000\nNever\n"
    bring_track(api, video, "translations/en", late)
    assert len(api.http.get(f"/api/videos/{video}/subtitles/translations/en").json()["segments"]) == 2
    result = api.completed(f"/api/videos/{video}/generate-tts", {"language": "en"})
    assert result["segments_count"] == 1


def test_a_retake_changes_only_what_is_given(api: LiveServer, video: str) -> None:
    bring_track(api, video, "translations/en")
    fast = {"language": "en", "voice_id": "onyx", "options": {"speaking_rate": 1.5}}
    api.completed(f"/api/videos/{video}/generate-tts", fast)
    path = f"/api/videos/{video}/tts/en"
    before = api.http.get(path).json()

    slow = {"segment_ids": [0], "voice_id": "nova", "options": {"speaking_rate": 0.8}}
    api.http.post(path, json=slow).raise_for_status()
    after = api.http.post(path, json={"segment_ids": [1]}).raise_for_status().json()

    assert after["voice_id"] == "onyx"
    assert [line["voice_id"] for line in after["segments"]] == ["nova", "onyx"]
    assert after["segments"][0]["duration"] > before["segments"][0]["duration"]
    assert after["segments"][1]["duration"] == before["segments"][1]["duration"]


def test_a_cut_that_was_cancelled_says_so_and_can_be_retried(api: LiveServer, video: str) -> None:
    cut = api.http.post(f"/api/videos/{video}/trim", json={"start_time": 1, "end_time": 4}).json()
    trimmed, task = cut["trimmed_video_id"], cut["task_id"]
    extraction = api.http.post(f"/api/videos/{trimmed}/extract-subtitles").json()["task_id"]
    if api.http.post(f"/api/tasks/{task}/cancel").is_success:
        assert api.http.get(f"/api/videos/{trimmed}").json()["status"] == "failed"
        assert api.http.get(f"/api/videos/{trimmed}/file").status_code == 409
        api.http.post(f"/api/tasks/{task}/retry").raise_for_status()
    assert api.finished(task)["status"] == "completed"
    assert api.finished(extraction)["status"] in ("completed", "failed")
    assert api.http.get(f"/api/videos/{trimmed}").json()["status"] != "failed"
