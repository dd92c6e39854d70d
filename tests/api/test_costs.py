"""What was spent, over HTTP: every call in the book, limits that hold, and what the memo saved."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from tests.api.conftest import bring_track
from tests.live_server import Json, LiveServer
from tests.loopback.faults import INSUFFICIENT_QUOTA, MISSING_LINE, NOT_JSON
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI
from tests.loopback.protocol import PROMPT_TOKENS

OwnLines = Callable[[str], tuple[str, str]]

LINES = 40


def usage_of(api: LiveServer, video: str, group_by: str = "model") -> Json:
    answer = api.http.get(f"/api/videos/{video}/usage", params={"group_by": group_by})
    body: Json = answer.raise_for_status().json()
    return body


def translate(api: LiveServer, video: str, **terms: object) -> Json:
    return api.run(f"/api/videos/{video}/translate-subtitles", {"target_language": "es"} | terms)


@pytest.fixture
def video(api: LiveServer, short_clip: Path) -> str:
    """A new video whose title no engine has met before."""
    return api.upload(short_clip, title=f"Film {uuid4().hex[:8]}")


@pytest.fixture
def many_lines(api: LiveServer, video: str) -> str:
    """A video of five seconds with many short English lines that no engine has met before."""
    cues = (
        f"00:0{index // 10}.{index % 10}00 --> 00:0{index // 10}.{index % 10}90\nLine {video[-5:]} {index}.\n"
        for index in range(LINES)
    )
    bring_track(api, video, "translations/en", "WEBVTT\n\n" + "\n".join(cues))
    return video


class TestTheBook:
    def test_a_call_is_told_by_model_with_what_it_used(
        self, api: LiveServer, video: str, own_lines: OwnLines
    ) -> None:
        own_lines("original")
        task = translate(api, video)
        report = usage_of(api, video)
        (group,) = report["groups"]
        assert (report["group_by"], group["key"]) == ("model", "gpt-5.4-mini")
        assert {name: value for name, value in group.items() if name != "key"} == report["total"]
        assert group["calls"] == 2  # the lines, and the title
        assert group["input_tokens"] == 2 * PROMPT_TOKENS
        assert group["output_tokens"] > 0
        assert group["unpriced_calls"] == 0
        assert group["cost"] == pytest.approx(
            (group["input_tokens"] + 5 * group["output_tokens"]) / 1e6, rel=1e-9
        )
        assert task["cost"] == pytest.approx(group["cost"])

    def test_a_call_that_had_to_be_asked_again_is_paid_for_as_well(
        self, api: LiveServer, openai_server: LoopbackOpenAI, video: str, own_lines: OwnLines
    ) -> None:
        own_lines("original")
        openai_server.fail(Endpoint.CHAT, MISSING_LINE, times=2)
        translate(api, video)
        answered = len(openai_server.requests_to(Endpoint.CHAT))
        assert answered > 2
        assert usage_of(api, video)["total"]["calls"] == answered

    def test_attempts_that_failed_are_in_it_and_a_call_without_an_answer_is_not(
        self, api: LiveServer, openai_server: LoopbackOpenAI, many_lines: str
    ) -> None:
        openai_server.fail(Endpoint.SPEECH, NOT_JSON)
        speech = {"language": "en", "options": {"rewrites": 0}}
        first = api.run(f"/api/videos/{many_lines}/generate-tts", speech)
        calls = usage_of(api, many_lines)["total"]["calls"]
        assert calls >= LINES - 1
        openai_server.fail(Endpoint.SPEECH, INSUFFICIENT_QUOTA)
        again = api.http.post(f"/api/videos/{many_lines}/tts/en", json={"segment_ids": [0]})
        assert again.status_code == 502
        assert usage_of(api, many_lines)["total"]["calls"] == calls
        assert first["cost"] == pytest.approx(usage_of(api, many_lines)["total"]["cost"])

    def test_the_lines_cost_what_their_calls_did(
        self, api: LiveServer, video: str, own_lines: OwnLines
    ) -> None:
        own_lines("translations/en")
        task = api.run(f"/api/videos/{video}/generate-tts", {"language": "en"})
        lines = api.http.get(f"/api/videos/{video}/tts/en").json()["segments"]
        total = usage_of(api, video)["total"]
        assert total["characters"] == sum(len(line["text"]) for line in lines)
        assert task["cost"] == pytest.approx(total["cost"])
        assert sum(line["cost"] for line in lines) == pytest.approx(total["cost"])

    def test_by_day_and_by_video(self, api: LiveServer, video: str, own_lines: OwnLines) -> None:
        own_lines("original")
        translate(api, video)
        spent = usage_of(api, video)["total"]
        today = datetime.now(UTC).date().isoformat()
        by_video = api.http.get("/api/usage?group_by=video").json()
        assert {"key": video, **spent} in by_video["groups"]
        by_day = api.http.get("/api/usage", params={"from": "2020-01-01", "to": "2999-01-01"}).json()
        assert today in [group["key"] for group in by_day["groups"]]
        assert sum(group["calls"] for group in by_day["groups"]) == by_day["total"]["calls"]
        assert api.http.get("/api/usage?to=2020-01-01").json()["groups"] == []
        assert api.http.get("/api/usage?from=yesterday").status_code == 422

    def test_it_outlives_the_video(self, api: LiveServer, video: str, own_lines: OwnLines) -> None:
        own_lines("original")
        translate(api, video)
        api.http.delete(f"/api/videos/{video}").raise_for_status()
        assert api.http.get(f"/api/videos/{video}/usage").status_code == 404
        keys = [group["key"] for group in api.http.get("/api/usage?group_by=video").json()["groups"]]
        assert video in keys

    def test_a_model_without_a_price(self, api: LiveServer, video: str) -> None:
        body = {"model": "gpt-transcribe", "temperature": 0.37}  # which nobody else has asked for
        task = api.run(f"/api/videos/{video}/extract-subtitles", body)
        assert task["status"] == "completed"
        assert task["cost"] is None
        total = usage_of(api, video)["total"]
        assert (total["cost"], total["unpriced_calls"]) == (0.0, total["calls"])
        assert total["audio_seconds"] > 0


class TestLimits:
    def test_a_task_stops_before_the_unit_that_would_pass_it_and_goes_on_under_a_higher_one(
        self, api: LiveServer, openai_server: LoopbackOpenAI, many_lines: str
    ) -> None:
        body = {"language": "en", "options": {"rewrites": 0}, "max_cost": 0.004}
        task = api.run(f"/api/videos/{many_lines}/generate-tts", body)
        assert (task["status"], task["error"]["code"]) == ("failed", "cost_limit_reached")
        assert "0.004" in task["error"]["message"]
        assert "max_cost" in task["error"]["next"]
        assert 0.003 < task["cost"] <= 0.004
        spoken = len(openai_server.requests_to(Endpoint.SPEECH))
        assert 0 < spoken < LINES

        path = f"/api/tasks/{task['task_id']}/retry"
        api.http.post(path, json={"max_cost": 1.0}).raise_for_status()

        task = api.finished(task["task_id"])
        assert task["status"] == "completed"
        assert task["cost"] == pytest.approx(usage_of(api, many_lines)["total"]["cost"])
        assert len(openai_server.requests_to(Endpoint.SPEECH)) == LINES

    def test_nothing_may_be_spent(
        self, api: LiveServer, openai_server: LoopbackOpenAI, video: str, own_lines: OwnLines
    ) -> None:
        own_lines("original")
        assert translate(api, video, max_cost=0)["error"]["code"] == "cost_limit_reached"
        assert openai_server.requests == []

    def test_what_is_remembered_costs_nothing(self, api: LiveServer, video: str, own_lines: OwnLines) -> None:
        own_lines("original")
        assert translate(api, video)["cost"] > 0
        again = translate(api, video, max_cost=0)
        assert (again["status"], again["cost"]) == ("completed", 0.0)

    def test_a_limit_that_cannot_be_kept_is_refused(self, api: LiveServer, video: str) -> None:
        body = {"model": "gpt-transcribe", "max_cost": 1.0}
        answer = api.http.post(f"/api/videos/{video}/extract-subtitles", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "price_unknown")
        assert [error["field"] for error in answer.json()["errors"]] == ["max_cost"]
        assert "PRICES_FILE" in answer.json()["next"]

    def test_a_limit_on_a_dub_is_one_for_all_its_stages(
        self, api: LiveServer, video: str, own_lines: OwnLines
    ) -> None:
        own_lines("original")
        body = {"target_languages": ["es", "fr"], "options": {"video": {"subtitle_mode": "none"}}}
        task = api.run(f"/api/videos/{video}/dub", body | {"max_cost": 0.002})
        assert (task["status"], task["error"]["code"]) == ("failed", "cost_limit_reached")
        assert 0 < task["cost"] <= 0.002
        assert task["cost"] == pytest.approx(usage_of(api, video)["total"]["cost"])

        path = f"/api/tasks/{task['task_id']}/retry"
        api.http.post(path, json={"max_cost": 1.0}).raise_for_status()

        task = api.finished(task["task_id"])
        assert [made["status"] for made in task["result"]["languages"]] == ["completed", "completed"]
        assert task["cost"] == pytest.approx(usage_of(api, video)["total"]["cost"])

    @pytest.mark.parametrize("limit", [-1, "1"])
    def test_limits_that_cannot_be(self, api: LiveServer, video: str, limit: object) -> None:
        task = api.run(f"/api/videos/{video}/extract-subtitles")["task_id"]
        answer = api.http.post(f"/api/tasks/{task}/retry", json={"max_cost": limit})
        assert answer.status_code == 422
        answer = api.http.post(f"/api/videos/{video}/extract-subtitles", json={"max_cost": limit})
        assert answer.json()["errors"][0]["field"] == "max_cost"


def test_what_the_memo_saved(api: LiveServer, video: str, own_lines: OwnLines) -> None:
    own_lines("original")
    cost = translate(api, video)["cost"]
    before = _saved(api)
    translate(api, video)
    api.wait(lambda: _saved(api)["hits"] > before["hits"], 10, lambda: "no hit was noted")
    after = _saved(api)
    assert after["hits"] - before["hits"] == 2  # the lines, and the title
    assert after["saved_cost"] - before["saved_cost"] == pytest.approx(cost)
    assert after["saved_seconds"] > before["saved_seconds"]
    total = api.http.get("/api/memo").json()["total"]
    assert total["entries"] >= after["entries"] >= 2
    assert total["bytes"] >= after["bytes"] > 0


def _saved(api: LiveServer) -> Json:
    kinds = api.http.get("/api/memo").raise_for_status().json()["kinds"]
    nothing = dict.fromkeys(("entries", "bytes", "hits", "saved_cost", "saved_seconds"), 0)
    found: Json = next((kind for kind in kinds if kind["kind"] == "translation"), nothing)
    return found
