"""What a running task has finished can be read while the rest runs."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import bring_track
from tests.live_server import Json, LiveServer
from tests.loopback.faults import Delay
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

FOREVER = Delay(60.0)
# More than a batch has.
LINES = 40
TEMPERATURES = (0.25 + number / 1000 for number in count())
Started = Callable[[str, Json], Json]


@pytest.fixture
def started(api: LiveServer, openai_server: LoopbackOpenAI) -> Iterator[Started]:
    """Starts a task that ends with the test, and returns it once it has finished something."""
    tasks: list[str] = []

    def start(path: str, body: Json) -> Json:
        tasks.append(str(api.http.post(path, json=body).raise_for_status().json()["task_id"]))
        return api.waited_for(tasks[-1], lambda task: "partial" in task)

    yield start
    openai_server.forget()
    for task in tasks:
        api.http.post(f"/api/tasks/{task}/cancel")


@pytest.fixture
def many_lines(api: LiveServer, video: str) -> str:
    """A video with more lines than a batch has, which no engine has met before."""
    cues = (
        f"00:0{index // 10}.{index % 10}00 --> 00:0{index // 10}.{index % 10}90\nLine {video[-5:]} {index}.\n"
        for index in range(LINES)
    )
    bring_track(api, video, "original", "WEBVTT\n\n" + "\n".join(cues))
    return video


def read(api: LiveServer, path: str, **query: str) -> httpx.Response:
    return api.http.get(path, params={"partial": "true"} | query)


@pytest.fixture
def transcription(
    api: LiveServer, openai_server: LoopbackOpenAI, clip: Path, started: Started
) -> tuple[str, Json]:
    """The path of a track, of which the first clips are heard and the last is not, and its task.

    Every test asks for a temperature of its own: who is cancelled may still be heard for a moment,
    and the next test would be answered from the memo.
    """
    here = f"/api/videos/{api.upload(clip)}"
    openai_server.fail(Endpoint.TRANSCRIPTIONS, FOREVER)
    body = {"model": "gpt-transcribe", "temperature": next(TEMPERATURES), "segments": {"max_length": 3}}
    return f"{here}/subtitles/original", started(f"{here}/extract-subtitles", body)


def test_the_clips_heard_so_far(api: LiveServer, transcription: tuple[str, Json]) -> None:
    path, task = transcription
    assert api.http.get(path).json()["code"] == "subtitles_not_ready"
    track = read(api, path).raise_for_status().json()
    assert track["partial"] is True
    assert (track["whisper_model"], track["model_used"]) == ("gpt-transcribe", "gpt-transcribe")
    assert len(track["segments"]) >= task["partial"]["segments_count"] >= 1
    starts = [line["start"] for line in track["segments"]]
    assert starts == sorted(starts)
    assert [line["id"] for line in track["segments"]] == list(range(len(starts)))
    assert track["metadata"]["segment_count"] == len(starts)


def test_the_task_leads_there(api: LiveServer, transcription: tuple[str, Json]) -> None:
    _, task = transcription
    assert api.http.get(task["partial"]["url"]).json()["partial"] is True


def test_as_a_file(api: LiveServer, transcription: tuple[str, Json]) -> None:
    path, _ = transcription
    answer = read(api, path, format="srt").raise_for_status()
    assert answer.text.startswith("1\n00:00:0")
    etag = {"If-None-Match": answer.headers["etag"]}
    assert api.http.get(f"{path}?partial=true&format=srt", headers=etag).status_code == 304


def test_they_are_gone_with_the_task(api: LiveServer, transcription: tuple[str, Json]) -> None:
    path, task = transcription
    api.http.post(f"/api/tasks/{task['task_id']}/cancel").raise_for_status()
    assert read(api, path).json()["code"] == "subtitles_not_ready"
    assert "partial" not in api.task(task["task_id"])


def test_a_retry_shows_what_it_takes_over(
    api: LiveServer, openai_server: LoopbackOpenAI, transcription: tuple[str, Json]
) -> None:
    path, task = transcription
    before = read(api, path).json()["segments"]
    api.http.post(f"/api/tasks/{task['task_id']}/cancel").raise_for_status()
    openai_server.fail(Endpoint.TRANSCRIPTIONS, FOREVER)
    api.http.post(f"/api/tasks/{task['task_id']}/retry").raise_for_status()
    api.waited_for(task["task_id"], lambda task: "partial" in task)
    api.wait(
        lambda: len(read(api, path).json()["segments"]) >= len(before),
        20,
        lambda: "what was heard is not shown",
    )


def test_the_lines_translated_so_far(
    api: LiveServer, openai_server: LoopbackOpenAI, many_lines: str, started: Started
) -> None:
    here = f"/api/videos/{many_lines}"
    openai_server.fail(Endpoint.CHAT, FOREVER)
    task = started(f"{here}/translate-subtitles", {"target_language": "es"})
    path = f"{here}/subtitles/translations/es"
    assert api.http.get(path).json()["code"] == "translation_not_ready"
    track = read(api, path).raise_for_status().json()
    assert (track["partial"], track["source_language"], track["stale"]) == (True, "ko", False)
    assert task["partial"]["segments_count"] <= len(track["segments"]) <= LINES
    original = {line["id"]: line for line in api.http.get(f"{here}/subtitles/original").json()["segments"]}
    for line in track["segments"]:
        source = original[line["id"]]
        assert (line["start"], line["original_text"]) == (source["start"], source["text"])
        assert line["text"] != source["text"]
    assert read(api, f"{here}/subtitles/translations/de").json()["code"] == "translation_not_ready"


def test_what_is_whole_is_told_as_ever(api: LiveServer, many_lines: str) -> None:
    here = f"/api/videos/{many_lines}"
    api.completed(f"{here}/translate-subtitles", {"target_language": "es"})
    for path in (f"{here}/subtitles/original", f"{here}/subtitles/translations/es"):
        whole = api.http.get(path)
        assert "partial" not in whole.json()
        asked = read(api, path)
        assert (asked.json(), asked.headers["etag"]) == (whole.json(), whole.headers["etag"])
