"""An engine that fails: what passes by itself passes, and what does not is told with what to do next."""

from pathlib import Path

import pytest

from tests.durability.conftest import CALLS_AT_ONCE
from tests.durability.stages import LANGUAGE, SPEECH, TRANSCRIPTION, TRANSLATION, Stage
from tests.live_server import Json, LiveServer
from tests.loopback import faults
from tests.loopback.engines import SuffixTranslator
from tests.loopback.faults import Fault
from tests.loopback.openai_server import LoopbackOpenAI

PASSING: dict[str, Fault] = {
    "limited": faults.rate_limited(0.05),
    "limited in whole seconds": faults.Refusal(429, "slow_down", "Slow down.", (("retry-after", "1"),)),
    "server error": faults.SERVER_ERROR,
    "reset": faults.CONNECTION_RESET,
    "half a body": faults.HALF_BODY,
}
GARBLED: dict[str, Fault] = {
    "a line missing": faults.MISSING_LINE,
    "a line doubled": faults.DOUBLED_LINE,
    "a line made up": faults.EXTRA_LINE,
    "a line empty": faults.EMPTY_LINE,
    "lines shuffled": faults.SHUFFLED_LINES,
    "prose": faults.PROSE,
    "cut off": faults.TRUNCATED,
    "fenced": faults.FENCED,
}
LASTING: dict[str, Fault] = {
    "engine_quota": faults.INSUFFICIENT_QUOTA,
    "engine_authentication": faults.BAD_KEY,
    "model_unavailable": faults.UNKNOWN_MODEL,
}
OF_ONE_LINE: dict[str, Fault] = {
    "engine_refused": faults.BAD_REQUEST,
    "engine_unreachable": faults.SERVER_ERROR,
    "engine_rate_limited": faults.RATE_LIMITED,
    "engine_bad_answer": faults.HTML_PAGE,
}


def numbered(topic: str, lines: int) -> list[str]:
    return [f"{topic} number {number}" for number in range(lines)]


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_fault_is_not_noticed(
    name: str, server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = SPEECH.prepare(server, half_minute, name)
    engines.fail(SPEECH.endpoint, PASSING[name])
    assert server.finished(SPEECH.begin(server, video_id))["status"] == "completed"
    assert [line["text"] for line in SPEECH.lines(server, video_id)] == numbered(name, 12)
    assert len(SPEECH.requests(engines)) == 12 + 1


@pytest.mark.parametrize("name", GARBLED)
def test_a_garbled_translation_shifts_no_line(
    name: str, server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = TRANSLATION.prepare(server, half_minute, name)
    engines.fail(TRANSLATION.endpoint, GARBLED[name], times=4)
    task = server.finished(TRANSLATION.begin(server, video_id))
    lines = TRANSLATION.lines(server, video_id)
    assert task["result"]["untranslated_segments"] == []
    assert [line["original_text"] for line in lines] == numbered(name, 120)
    assert [line["text"] for line in lines] == [
        SuffixTranslator.do(text, LANGUAGE) for text in numbered(name, 120)
    ]


@pytest.mark.parametrize("code", LASTING)
def test_a_lasting_fault_is_told_and_a_retry_goes_on(
    code: str, server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = SPEECH.prepare(server, half_minute, code)
    engines.fail(SPEECH.endpoint, faults.Delay(0), times=6)
    engines.fail(SPEECH.endpoint, LASTING[code], times=1000)
    task_id = SPEECH.begin(server, video_id)
    check_told(server.finished(task_id), code)
    assert server.http.get(f"/api/videos/{video_id}/{SPEECH.result}").status_code == 409

    engines.forget()
    server.http.post(f"/api/tasks/{task_id}/retry").raise_for_status()
    assert "error" not in server.finished(task_id)
    assert [line["text"] for line in SPEECH.lines(server, video_id)] == numbered(code, 12)
    assert len(SPEECH.requests(engines)) <= 12 - 6 + CALLS_AT_ONCE  # whose answers were on their way


@pytest.mark.parametrize("code", OF_ONE_LINE)
def test_lines_that_fail_leave_the_others_alone(
    code: str, server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    """One call makes them again, and the others stay where they are."""
    video_id = SPEECH.prepare(server, half_minute, f"one line {code}")
    for number in range(4, 10):
        engines.fail_at(SPEECH.endpoint, f"number {number}", OF_ONE_LINE[code])
    result = server.finished(SPEECH.begin(server, video_id))["result"]
    before = SPEECH.lines(server, video_id)
    failed = [line["id"] for line in before if line["failed"]]
    assert (result["partial"], result["failed_segments"], len(failed)) == (True, failed, 6)
    assert {line["error"]["code"] for line in before if line["failed"]} == {code}

    engines.forget()
    path = f"/api/videos/{video_id}/{SPEECH.result}"
    after = server.http.post(path, json={}).raise_for_status().json()["segments"]
    assert len(SPEECH.requests(engines)) == 6
    assert not any(line["failed"] for line in after)
    assert [line for line in after if line["id"] not in failed] == [
        line for line in before if not line["failed"]
    ]


@pytest.mark.parametrize("code", OF_ONE_LINE)
def test_an_engine_that_fails_at_every_line_fails_the_task(
    code: str, server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = SPEECH.prepare(server, half_minute, f"every line {code}")
    engines.fail(SPEECH.endpoint, OF_ONE_LINE[code], times=1000)
    check_told(server.finished(SPEECH.begin(server, video_id)), code)
    assert server.http.get(f"/api/videos/{video_id}/{SPEECH.result}").status_code == 409


@pytest.mark.parametrize("stage", [TRANSCRIPTION, TRANSLATION], ids=lambda stage: stage.name)
def test_every_stage_tells_of_an_empty_account(
    stage: Stage, server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = stage.prepare(server, half_minute, "account")
    options = {"temperature": 0.5} if stage is TRANSCRIPTION else {}
    engines.fail(stage.endpoint, faults.INSUFFICIENT_QUOTA, times=1000)
    task_id = stage.begin(server, video_id, **options)
    check_told(server.finished(task_id), "engine_quota")
    engines.recover()
    server.http.post(f"/api/tasks/{task_id}/retry").raise_for_status()
    assert server.finished(task_id)["status"] == "completed"


def check_told(task: Json, code: str) -> None:
    assert (task["status"], task["error"]["code"]) == ("failed", code)
    assert task["error"]["message"]
    assert task["error"]["next"]
    assert "result" not in task
