"""Stages of a dub that overlap: what is translated is spoken while the rest is translated, and what is spoken
is mixed while the rest is spoken."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import make_clip
from tests.durability.conftest import CALLS_AT_ONCE
from tests.durability.stages import LANGUAGE, SPEECH, TRANSLATION
from tests.live_server import Json, LiveServer
from tests.loopback import faults
from tests.loopback.engines import HeldTranslator, HeldVoice
from tests.loopback.openai_server import LoopbackOpenAI

LINES, IN_FIRST_BATCH, SPOKEN_AHEAD = 28, 25, 12
BODY = {"target_languages": [LANGUAGE], "options": {"video": {"subtitle_mode": "none"}}}
# Calls that are open, and answers on their way to the disk.
IN_FLIGHT = 2 * CALLS_AT_ONCE


@pytest.fixture(scope="module")
def held_translator() -> HeldTranslator:
    return HeldTranslator()


@pytest.fixture(scope="module")
def held_voice() -> HeldVoice:
    return HeldVoice()


@pytest.fixture(scope="module")
def holding_engines(held_translator: HeldTranslator, held_voice: HeldVoice) -> Iterator[LoopbackOpenAI]:
    with LoopbackOpenAI(translator=held_translator, speech=held_voice) as server:
        yield server
        held_translator.release()
        held_voice.release()


@pytest.fixture(scope="module")
def two_minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its sound is mixed in four parts."""
    path = tmp_path_factory.mktemp("clips") / "two minutes.mp4"
    make_clip(path, seconds=120, size="64x36", rate=5)
    return path


@pytest.fixture(scope="module")
def overlapping(
    tmp_path_factory: pytest.TempPathFactory, holding_engines: LoopbackOpenAI
) -> Iterator[LiveServer]:
    """A server with room for one job that waits on the network, which waits for an engine in an outage."""
    settings = {
        "OPENAI_BASE_URL": holding_engines.url,
        "OPENAI_MAX_RETRIES": "1",
        "OPENAI_MAX_CONCURRENCY": str(CALLS_AT_ONCE),
        "OPENAI_RETRY_SECONDS": "1",
        "PAUSE_SECONDS": "0.5",
        "API_JOBS": "1",
    }
    with LiveServer(tmp_path_factory.mktemp("overlap") / "data", **settings) as server:
        yield server


@pytest.fixture
def engines(holding_engines: LoopbackOpenAI, held_translator: HeldTranslator) -> Iterator[LoopbackOpenAI]:
    holding_engines.forget()
    yield holding_engines
    holding_engines.forget()
    held_translator.release()


def crowded_video(server: LiveServer, clip: Path, topic: str) -> str:
    """With more lines than a batch has. Whether a line fits into its second hangs on the voice."""
    return subtitled_video(server, clip, topic, seconds=1)


def subtitled_video(server: LiveServer, clip: Path, topic: str, seconds: int) -> str:
    """A line after the other, each for so many seconds."""
    video_id = server.upload(clip, source_language="en")
    times = [f"{n * seconds // 60:02}:{n * seconds % 60:02}.000" for n in range(LINES + 1)]
    cues = (f"{times[n]} --> {times[n + 1]}\n{topic}{n} goes far.\n" for n in range(LINES))
    server.http.put(
        f"/api/videos/{video_id}/subtitles/original?language=en",
        content="\n".join(["WEBVTT\n", *cues]).encode(),
        headers={"Content-Type": "text/vtt"},
    ).raise_for_status()
    return video_id


def begin(server: LiveServer, video_id: str, voice: str = "alloy") -> str:
    body = BODY | {"voice_id": voice}
    answer = server.http.post(f"/api/videos/{video_id}/dub", json=body).raise_for_status()
    return str(answer.json()["task_id"])


def tasks(server: LiveServer, video_id: str) -> list[Json]:
    jobs = server.http.get(f"/api/videos/{video_id}/jobs").json()["jobs"]
    return [server.task(job["job_id"]) for job in jobs]


def stages(server: LiveServer, video_id: str) -> dict[str, Json]:
    """By type, of a video that is dubbed once."""
    return {task["type"]: task for task in tasks(server, video_id)}


def message(server: LiveServer, video_id: str, stage: str) -> str:
    return str(stages(server, video_id).get(stage, {}).get("message"))


def begun_lines(engines: LoopbackOpenAI) -> set[str]:
    """The first words of what was asked for: each line has its own."""
    return {str(request.fields["input"]).split()[0] for request in SPEECH.requests(engines)}


def kept(server: LiveServer, kind: str) -> tuple[int, int]:
    """How many results of a kind the memo has, and how often they were used again."""
    kinds = server.http.get("/api/memo").json()["kinds"]
    return next(((each["entries"], each["hits"]) for each in kinds if each["kind"] == kind), (0, 0))


def attempts(server: LiveServer, video_id: str) -> int:
    """How often lines were spoken for the sake of their length, all together."""
    return sum(int(str(line["attempts"])) for line in SPEECH.lines(server, video_id))


def test_a_batch_is_spoken_while_another_is_translated(
    overlapping: LiveServer, engines: LoopbackOpenAI, held_translator: HeldTranslator, half_minute: Path
) -> None:
    video_id = crowded_video(overlapping, half_minute, "early")
    held_translator.hold(f"early{LINES - 1} ")
    dub = begin(overlapping, video_id, "nova")
    overlapping.wait(lambda: len(begun_lines(engines)) == IN_FIRST_BATCH)
    assert stages(overlapping, video_id)["translation"]["status"] == "processing"
    assert len(SPEECH.requests(engines)) == IN_FIRST_BATCH

    held_translator.release()
    assert overlapping.finished(dub)["status"] == "completed"
    assert len(begun_lines(engines)) == LINES
    assert len(SPEECH.requests(engines)) == attempts(overlapping, video_id)
    costs = [line["cost"] for line in SPEECH.lines(overlapping, video_id)]
    assert costs == [None] * LINES  # no price is known; what was there already would have cost nothing


def test_lines_wait_for_what_shows_the_pace_of_their_voice(
    overlapping: LiveServer, engines: LoopbackOpenAI, held_translator: HeldTranslator, half_minute: Path
) -> None:
    """The first batch is held: which of its lines is spoken first is not known."""
    video_id = crowded_video(overlapping, half_minute, "first")
    held_translator.hold("first0 ")
    dub = begin(overlapping, video_id, "echo")
    overlapping.wait(lambda: "partial" in stages(overlapping, video_id).get("translation", {}))
    held_translator.release()
    assert overlapping.finished(dub)["status"] == "completed"
    assert len(SPEECH.requests(engines)) == attempts(overlapping, video_id)


def test_a_kill_repeats_only_what_was_in_flight(
    overlapping: LiveServer, engines: LoopbackOpenAI, held_translator: HeldTranslator, half_minute: Path
) -> None:
    video_id = crowded_video(overlapping, half_minute, "killed")
    held_translator.hold(f"killed{LINES - 1} ")
    engines.fail(SPEECH.endpoint, faults.Delay(0), times=SPOKEN_AHEAD)
    engines.fail(SPEECH.endpoint, faults.Delay(600), times=100)
    dub = begin(overlapping, video_id)
    overlapping.wait(lambda: f"{SPOKEN_AHEAD}/{LINES}" in message(overlapping, video_id, "tts_generation"))
    overlapping.kill()
    engines.recover()
    held_translator.release()
    overlapping.start()
    assert overlapping.finished(dub)["status"] == "completed"
    assert len(begun_lines(engines)) == LINES
    assert len(SPEECH.requests(engines)) <= attempts(overlapping, video_id) + IN_FLIGHT
    made = overlapping.task(dub)["result"]["languages"][0]["task_ids"]
    assert {task["task_id"] for task in tasks(overlapping, video_id)} == {dub, *made}


def test_a_dub_that_goes_on_is_no_further_than_it_was(
    overlapping: LiveServer, engines: LoopbackOpenAI, held_voice: HeldVoice, half_minute: Path
) -> None:
    video_id = crowded_video(overlapping, half_minute, "resumed")
    held_voice.hold(f"{LINES - 1} ")
    dub = begin(overlapping, video_id)
    overlapping.wait(lambda: "1 of 3" in message(overlapping, video_id, "dub"))
    overlapping.kill()
    overlapping.start()
    overlapping.wait(lambda: message(overlapping, video_id, "dub").startswith("Dubbing"))
    assert "1 of 3" in message(overlapping, video_id, "dub")
    assert overlapping.task(dub)["progress"] < 70
    held_voice.release()
    assert overlapping.finished(dub)["status"] == "completed"


def test_speech_ends_with_the_translation_that_fails(
    overlapping: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = crowded_video(overlapping, half_minute, "failing")
    engines.fail(TRANSLATION.endpoint, faults.BAD_KEY, times=100)
    task = overlapping.finished(begin(overlapping, video_id))
    of = stages(overlapping, video_id)
    assert (of["translation"]["status"], of["tts_generation"]["status"]) == ("failed", "cancelled")
    assert (task["status"], task["error"]) == ("failed", of["translation"]["error"])
    assert not SPEECH.requests(engines)


def test_speech_waits_for_an_engine_that_was_out_of_reach_all_along(
    overlapping: LiveServer, engines: LoopbackOpenAI, held_translator: HeldTranslator, half_minute: Path
) -> None:
    video_id = crowded_video(overlapping, half_minute, "outage")
    held_translator.hold(f"outage{LINES - 1} ")
    engines.fail(SPEECH.endpoint, faults.SERVER_ERROR, times=1000)
    dub = begin(overlapping, video_id)
    overlapping.wait(lambda: len(SPEECH.requests(engines)) > 0)
    assert stages(overlapping, video_id)["translation"]["status"] == "processing"
    held_translator.release()
    overlapping.wait(lambda: "not_before" in stages(overlapping, video_id)["tts_generation"])
    engines.recover()
    assert overlapping.finished(dub)["status"] == "completed"
    assert {line["error"] for line in SPEECH.lines(overlapping, video_id)} == {None}


def test_speech_waits_with_a_translation_that_waits(
    overlapping: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = crowded_video(overlapping, half_minute, "paused")
    engines.fail(TRANSLATION.endpoint, faults.SERVER_ERROR, times=1000)
    dub = begin(overlapping, video_id)
    overlapping.wait(lambda: "not_before" in stages(overlapping, video_id).get("translation", {}))
    assert stages(overlapping, video_id)["tts_generation"]["status"] == "processing"
    engines.recover()
    assert overlapping.finished(dub)["status"] == "completed"
    assert len(SPEECH.requests(engines)) == attempts(overlapping, video_id)


def test_what_is_spoken_is_mixed_while_the_last_line_is_spoken(
    overlapping: LiveServer, engines: LoopbackOpenAI, held_voice: HeldVoice, two_minutes: Path
) -> None:
    video_id = subtitled_video(overlapping, two_minutes, "mixed", seconds=4)
    (sounds, sound_hits), (measured, measure_hits) = kept(overlapping, "sound"), kept(overlapping, "measure")
    held_voice.hold(f"{LINES - 1} ")
    dub = begin(overlapping, video_id)
    overlapping.wait(lambda: kept(overlapping, "measure") == (measured + 2, measure_hits))
    assert kept(overlapping, "sound") == (sounds + 3, sound_hits)
    assert stages(overlapping, video_id)["tts_generation"]["status"] == "processing"

    held_voice.release()
    assert overlapping.finished(dub)["status"] == "completed"
    overlapping.wait(lambda: kept(overlapping, "measure") == (measured + 4, measure_hits))
    assert kept(overlapping, "sound") == (sounds + 4, sound_hits)
