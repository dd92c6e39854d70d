"""An engine that is out of reach for long: its jobs wait for it and go on where they were."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.errors import ErrorCode, Problem
from app.jobs.pausing import Pauses
from tests.durability.conftest import CALLS_AT_ONCE
from tests.durability.stages import LANGUAGE, SPEECH, STAGES, TRANSLATION, Stage, translated_video
from tests.live_server import Json, LiveServer
from tests.loopback import faults
from tests.loopback.openai_server import LoopbackOpenAI

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
PAUSES = Pauses(first=timedelta(seconds=30), longest=timedelta(hours=24))
UNREACHABLE = Problem(ErrorCode.ENGINE_UNREACHABLE, model="whisper-1", reason="no answer in time")


def begin_and_pause(stage: Stage, server: LiveServer, engines: LoopbackOpenAI, video_id: str) -> Json:
    """The task, when most units are finished and the engine has been out of reach for long."""
    engines.fail(stage.endpoint, faults.Delay(0), times=stage.most_units)
    engines.fail(stage.endpoint, faults.SERVER_ERROR, times=1000)
    return server.waited_for(stage.begin(server, video_id), is_paused)


def is_paused(task: Json) -> bool:
    return "not_before" in task


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_job_waits_for_its_engine_and_goes_on_where_it_was(
    stage: Stage, patient: LiveServer, undisturbed: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    reference = stage.prepare(undisturbed, half_minute, "outage")
    assert undisturbed.finished(stage.begin(undisturbed, reference))["status"] == "completed"
    units = len(stage.requests(engines))
    engines.forget()

    video_id = stage.prepare(patient, half_minute, "outage")
    task = begin_and_pause(stage, patient, engines, video_id)
    assert (task["status"], task["estimated_completion"], "error" in task) == ("queued", None, False)
    assert f"until {task['not_before'][11:16]} UTC" in task["message"]
    engines.forget()
    assert patient.finished(task["task_id"])["status"] == "completed"
    assert len(stage.requests(engines)) <= units - stage.most_units + CALLS_AT_ONCE
    assert stage.outcome(patient, video_id) == stage.outcome(undisturbed, reference)


def test_lines_that_fail_in_a_row_are_an_outage(
    patient: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = translated_video(patient, half_minute, "rows", lines=40)
    task = begin_and_pause(SPEECH, patient, engines, video_id)
    engines.forget()
    result = patient.finished(task["task_id"])["result"]
    assert (result["partial"], result["segments_count"]) == (False, 40)
    assert len(SPEECH.requests(engines)) <= 40 - SPEECH.most_units + CALLS_AT_ONCE


def test_lines_that_an_engine_in_reach_cannot_say_are_not_waited_for(
    patient: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = translated_video(patient, half_minute, "stumbling")
    unsayable = ["stumbling number 10", "stumbling number 11"]
    for text in unsayable:
        engines.fail_at(SPEECH.endpoint, text, faults.SERVER_ERROR)
    task = begin_and_pause(SPEECH, patient, engines, video_id)
    engines.recover()
    result = patient.finished(task["task_id"])["result"]
    failed = [line for line in SPEECH.lines(patient, video_id) if line["failed"]]
    assert [line["text"] for line in failed] == unsayable
    assert result["failed_segments"] == [line["id"] for line in failed]

    again = patient.http.post(f"/api/videos/{video_id}/{SPEECH.result}", json={})
    assert (again.status_code, again.json()["code"]) == (502, "engine_bad_answer")


def test_an_engine_that_says_when_to_come_back_is_not_asked_before(
    patient: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = translated_video(patient, half_minute, "told")
    engines.fail(SPEECH.endpoint, faults.Delay(0), times=6)
    engines.fail(SPEECH.endpoint, faults.rate_limited(3), times=CALLS_AT_ONCE)
    task = patient.waited_for(SPEECH.begin(patient, video_id), is_paused)
    assert len(SPEECH.requests(engines)) <= 6 + CALLS_AT_ONCE
    result = patient.finished(task["task_id"])["result"]
    assert (result["partial"], result["segments_count"]) == (False, 12)


def test_a_dub_waits_for_its_paused_stage(
    patient: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = SPEECH.prepare(patient, half_minute, "stage")
    engines.fail(SPEECH.endpoint, faults.SERVER_ERROR, times=1000)
    body = {"target_languages": [LANGUAGE], "options": {"video": {"subtitle_mode": "none"}}}
    answer = patient.http.post(f"/api/videos/{video_id}/dub", json=body).raise_for_status()
    dub = str(answer.json()["task_id"])
    jobs = f"/api/videos/{video_id}/jobs"

    def stage_is_paused() -> bool:
        tasks = [patient.task(job["job_id"]) for job in patient.http.get(jobs).json()["jobs"]]
        return any(is_paused(task) and task["parent_id"] == dub for task in tasks)

    patient.wait(stage_is_paused)
    waiting = f"the speech in '{LANGUAGE}' waits until "
    assert patient.waited_for(dub, lambda task: waiting in task["message"])["status"] == "processing"
    engines.recover()
    assert patient.finished(dub)["status"] == "completed"


def test_a_paused_job_outlives_its_process(
    patient: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = TRANSLATION.prepare(patient, half_minute, "killed in a pause")
    task = begin_and_pause(TRANSLATION, patient, engines, video_id)
    patient.kill()
    engines.recover()
    patient.start()
    assert patient.finished(task["task_id"])["status"] == "completed"


def test_a_paused_job_can_be_cancelled_and_retried(
    patient: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = TRANSLATION.prepare(patient, half_minute, "cancelled in a pause")
    path = f"/api/tasks/{begin_and_pause(TRANSLATION, patient, engines, video_id)['task_id']}"
    cancelled = patient.http.post(f"{path}/cancel").raise_for_status().json()
    assert (cancelled["status"], is_paused(cancelled)) == ("cancelled", False)
    engines.forget()
    retried = patient.http.post(f"{path}/retry").raise_for_status().json()
    assert patient.finished(retried["task_id"])["status"] == "completed"


def test_a_retry_keeps_its_priority(patient: LiveServer, engines: LoopbackOpenAI, half_minute: Path) -> None:
    videos = {name: translated_video(patient, half_minute, name, lines=1) for name in ("busy", "low", "high")}
    engines.fail(SPEECH.endpoint, faults.Delay(1))
    SPEECH.begin(patient, videos["busy"])
    patient.wait(lambda: engines.at_once == 1)
    low, high = (SPEECH.begin(patient, videos[name], priority=n) for name, n in (("low", 1), ("high", 2)))
    for action in ("cancel", "retry"):
        patient.http.post(f"/api/tasks/{high}/{action}").raise_for_status()
    patient.finished(low)
    patient.finished(high)
    spoken = [str(request.fields["input"]).split()[0] for request in SPEECH.requests(engines)]
    assert spoken == ["busy", "high", "low"]


def test_pauses_grow_with_the_outage_until_the_job_fails() -> None:
    lasting = [timedelta(), timedelta(seconds=40), timedelta(minutes=3), timedelta(hours=23)]
    waits = [waited(UNREACHABLE, outage) for outage in lasting]
    assert waits == [30, 40, 180, 600]
    assert PAUSES.until(UNREACHABLE, NOON - timedelta(hours=24), NOON) is None


def test_a_full_disk_is_an_outage_too() -> None:
    assert waited(Problem(ErrorCode.STORAGE_FULL), timedelta()) == 30


def test_a_pause_is_as_long_as_the_engine_says() -> None:
    limited = Problem(ErrorCode.ENGINE_RATE_LIMITED, model="tts-1", reason="Slow down.", retry_after=1800)
    assert waited(limited, timedelta()) == 1800


@pytest.mark.parametrize("code", [ErrorCode.ENGINE_QUOTA, ErrorCode.ENGINE_BAD_ANSWER])
def test_what_does_not_pass_by_itself_is_no_outage(code: ErrorCode) -> None:
    assert PAUSES.until(Problem(code), None, NOON) is None


def waited(problem: Problem, lasting: timedelta) -> float:
    until = PAUSES.until(problem, NOON - lasting, NOON)
    assert until is not None
    return (until - NOON).total_seconds()
