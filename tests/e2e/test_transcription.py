"""Real recordings become subtitles, by the built-in speech recognition over HTTP."""

import csv
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.live_server import LiveServer

MOST_WRONG_CHARACTERS = 0.15


def transcribed(api: LiveServer, path: Path, **options: str) -> dict[str, Any]:
    """The original track of a newly uploaded video."""
    video_id = api.upload(path)
    api.completed(f"/api/videos/{video_id}/extract-subtitles", options)
    track: dict[str, Any] = api.http.get(f"/api/videos/{video_id}/subtitles/original").json()
    return track


def whole_text(track: dict[str, Any]) -> str:
    return " ".join(line["text"] for line in track["segments"])


def character_errors(heard: str, said: str) -> float:
    """The share of letters and digits that have to be changed to get from one to the other."""
    left, right = ("".join(re.findall(r"\w", text.lower())) for text in (heard, said))
    row = list(range(len(right) + 1))
    for above, letter in enumerate(left, start=1):
        diagonal, row[0] = row[0], above
        for column, other in enumerate(right, start=1):
            change = diagonal + (letter != other)
            diagonal = row[column]
            row[column] = min(row[column] + 1, row[column - 1] + 1, change)
    return row[-1] / len(right)


@pytest.fixture(scope="module")
def transcripts(shared_media: Path) -> dict[str, str]:
    """What is known to be said, by file."""
    with (shared_media / "INDEX.tsv").open(encoding="utf-8") as index:
        rows = csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["file"]: row["transcript"] for row in rows}


def test_korean_is_understood_and_cut_into_lines(
    local_api: LiveServer, shared_media: Path, transcripts: dict[str, str]
) -> None:
    """The file has an English and a Spanish track too; Korean is its default."""
    track = transcribed(local_api, shared_media / "video" / "multi_audio_en_ko_es.mkv")
    said = transcripts["speech/ko_narrated_azdoc1.mp4"]
    lines = track["segments"]
    assert track["language"] == track["detected_language"] == "ko"
    assert character_errors(whole_text(track), said) < MOST_WRONG_CHARACTERS
    assert all(0 <= line["start"] < line["end"] <= 47.4 for line in lines)
    assert all(line["end"] <= following["start"] for line, following in pairwise(lines))
    assert len(lines) >= 6
    assert lines[0]["start"] < 0.5
    assert lines[-1]["end"] > 46


def test_sound_that_starts_late_is_subtitled_late(local_api: LiveServer, shared_media: Path) -> None:
    on_time = transcribed(local_api, shared_media / "speech" / "en_talkinghead_jordi.mp4", language="en")
    late = transcribed(local_api, shared_media / "video" / "audio_starts_late_3s.mp4", language="en")
    usual, later = on_time["segments"], late["segments"]
    assert later[0]["start"] == pytest.approx(usual[0]["start"] + 3, abs=0.15)
    assert later[-1]["end"] == pytest.approx(usual[-1]["end"] + 3, abs=0.5)


def test_speech_in_the_centre_of_surround_sound_is_heard(
    local_api: LiveServer, shared_media: Path, transcripts: dict[str, str]
) -> None:
    name = "video/surround51_centre.mp4"
    track = transcribed(local_api, shared_media / name)
    assert track["language"] == "en"
    assert character_errors(whole_text(track), transcripts[name]) < MOST_WRONG_CHARACTERS


def test_silence_has_no_subtitles(local_api: LiveServer, shared_media: Path) -> None:
    track = transcribed(local_api, shared_media / "video" / "silent_black_10s.mp4")
    assert track["segments"] == []
    assert track["detected_language"] is None


def test_a_video_without_sound_is_told_so_at_once(local_api: LiveServer, shared_media: Path) -> None:
    video_id = local_api.upload(shared_media / "video" / "no_audio.mp4")
    answer = local_api.http.post(f"/api/videos/{video_id}/extract-subtitles")
    assert answer.status_code == 422
    assert answer.json()["code"] == "no_audio_track"
