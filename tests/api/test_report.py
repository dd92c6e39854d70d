"""The report of a dub over HTTP, on a clip whose voice is a tone."""

from itertools import pairwise
from xml.etree.ElementTree import fromstring

import pytest

from tests.api.conftest import stored_files
from tests.api.walk import Walk
from tests.live_server import Json, LiveServer

HERE = "/dubbed-videos/en/report"


@pytest.fixture(scope="module")
def report(walk: Walk) -> Json:
    body: Json = walk.server.http.get(walk.path(HERE)).raise_for_status().json()
    return body


def test_every_line_is_heard_where_it_was_placed(report: Json) -> None:
    (track,) = report["tracks"]
    assert track["language"] == "en"
    assert track["segments"]
    for segment in track["segments"]:
        assert segment["onset_error"] == pytest.approx(
            segment["measured_onset"] - segment["placed_start"], abs=0.0015
        )
        assert segment["placed_start"] == pytest.approx(
            segment["planned_start"] + segment["moved"], abs=0.0015
        )
        assert abs(segment["onset_error"]) <= 0.04
        assert segment["loudness"] is not None
        assert not segment["truncated"]
    for line, following in pairwise(track["segments"]):
        assert line["measured_end"] <= following["measured_onset"]


def test_the_whole(report: Json) -> None:
    (track,) = report["tracks"]
    errors = [abs(segment["onset_error"]) for segment in track["segments"]]
    assert track["onset_error"]["worst"] == pytest.approx(max(errors), abs=0.0005)
    assert track["onset_error"]["mean"] == pytest.approx(sum(errors) / len(errors), abs=0.0005)
    apart = [abs(segment["measured_onset"] - segment["planned_start"]) for segment in track["segments"]]
    assert track["subtitle_error"]["worst"] == pytest.approx(max(apart), abs=0.0005)
    assert track["subtitle_error"]["max_shift"] == 0.3
    assert (track["overlaps"], track["truncations"]) == (0, 0)
    assert track["failed_segments"] == track["unheard_segments"] == []
    assert track["speed"]["highest"] == max(segment["speed"] for segment in track["segments"])
    assert track["true_peak"] <= -0.9
    assert abs(report["duration_difference"]) <= 0.04
    assert abs(track["duration_difference"]) <= 0.04
    assert abs(report["picture_difference"]) <= 0.04


def test_the_plot(walk: Walk, report: Json) -> None:
    answer = walk.server.http.get(walk.path(f"{HERE}/plot")).raise_for_status()
    assert answer.headers["content-type"] == "image/svg+xml"
    assert fromstring(answer.text).tag.endswith("svg")
    assert answer.text.count("<title>") == len(report["tracks"][0]["segments"])


def test_a_dub_that_is_not_there(api: LiveServer, video: str) -> None:
    for path in (HERE, f"{HERE}/plot"):
        answer = api.http.get(f"/api/videos/{video}{path}")
        assert (answer.status_code, answer.json()["code"]) == (409, "dub_not_ready")


def test_a_dub_from_before_there_were_reports(api: LiveServer, video: str, bring: object) -> None:
    assert callable(bring)
    bring(video, "translations/en")
    api.completed(f"/api/videos/{video}/generate-tts", {"language": "en", "voice_id": "nova"})
    api.completed(f"/api/videos/{video}/generate-dubbed-video", {"language": "en"})
    for file in stored_files(api, video):
        if file.name.startswith("report."):
            file.unlink()
    for path in (HERE, f"{HERE}/plot"):
        answer = api.http.get(f"/api/videos/{video}{path}")
        assert (answer.status_code, answer.json()["code"]) == (409, "report_not_ready")
        assert "generate-dubbed-video" in answer.json()["next"]
