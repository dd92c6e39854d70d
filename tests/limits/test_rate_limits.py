"""Whoever asks too often is told so, and when to ask again; whoever sits at the machine is not counted."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from limits import parse

from app.core.addresses import network_of
from app.limits.rates import RateCounter, Rule
from tests.api.test_errors import problem_in
from tests.limits.conftest import Ask
from tests.live_server import LiveServer, free_port

SIGN_IN = ("POST", "/api/auth/sign-in")


def rule(quota: str) -> Rule:
    return Rule("tested", parse(quota), lambda scope: None)


class TestOverHttp:
    def test_an_address_has_its_share_and_no_more(self, ask: Ask) -> None:
        answers = [ask("203.0.113.1") for _ in range(6)]
        assert [answer.status_code == 429 for answer in answers] == [False] * 5 + [True]
        problem = problem_in(answers[-1], 429, "rate_limited")
        seconds = int(answers[-1].headers["Retry-After"])
        assert 1 <= seconds <= 86400 * 6 / 5
        assert f"{seconds} seconds" in problem["next"]

    def test_another_address_is_not_held_up(self, ask: Ask) -> None:
        for _ in range(6):
            ask("203.0.113.2")
        assert ask("203.0.113.3").status_code != 429

    def test_the_addresses_of_one_customer_are_one(self, ask: Ask) -> None:
        answers = [ask(f"2001:db8:1:2::{number}") for number in range(1, 7)]
        assert answers[-1].status_code == 429
        assert ask("2001:db8:2::1").status_code != 429

    def test_every_answer_tells_what_is_left(self, ask: Ask) -> None:
        first, second = ask("203.0.113.4"), ask("203.0.113.4", path="/api/videos/vid_of_nobody")
        assert not second.is_success
        assert first.headers["RateLimit-Policy"] == '"address";q=5;w=86400'
        assert [_left(answer.headers["RateLimit"]) for answer in (first, second)] == [4, 3]

    def test_pages_of_an_allowed_origin_can_read_a_refusal(self, ask: Ask) -> None:
        answer = [ask("203.0.113.5") for _ in range(6)][-1]
        assert answer.headers["Access-Control-Allow-Origin"] == "https://dub.example"
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed.split(", "))

    def test_signing_in_is_tried_less_often(self, ask: Ask) -> None:
        answers = [ask("203.0.113.6", *SIGN_IN) for _ in range(3)]
        assert answers[1].status_code != 429
        problem_in(answers[2], 429, "rate_limited")
        assert '"sign-in";q=2;w=86400' in answers[2].headers["RateLimit-Policy"]
        assert ask("203.0.113.6").status_code != 429

    def test_uploads_have_a_limit_of_their_own(self, ask: Ask) -> None:
        answers = [ask("203.0.113.7", "POST", "/api/videos/upload") for _ in range(2)]
        assert [answer.status_code == 429 for answer in answers] == [False, True]

    def test_probes_are_always_answered(self, ask: Ask) -> None:
        answers = [ask("203.0.113.8", path="/healthz") for _ in range(8)]
        assert {answer.status_code for answer in answers} == {200}
        assert "RateLimit" not in answers[-1].headers

    def test_who_sits_at_the_machine_is_not_counted(self, limited_api: LiveServer) -> None:
        answers = [limited_api.http.get("/api/videos") for _ in range(8)]
        assert {answer.status_code for answer in answers} == {200}
        assert "RateLimit" not in answers[-1].headers

    @pytest.mark.parametrize("header", ["X-Real-IP", "Via", "Forwarded"])
    def test_behind_a_proxy_nobody_sits_at_the_machine(self, limited_api: LiveServer, header: str) -> None:
        answer = limited_api.http.get("/api/videos", headers={header: "for=someone"})
        assert "RateLimit" in answer.headers

    def test_under_another_name_nobody_sits_at_the_machine(self, limited_api: LiveServer) -> None:
        answer = limited_api.http.get("/api/videos", headers={"Host": "dub.example"})
        assert "RateLimit" in answer.headers

    def test_the_api_page_tells_of_it(self, limited_api: LiveServer) -> None:
        document = limited_api.http.get("/openapi.json").json()
        for path, operations in document["paths"].items():
            for operation in operations.values():
                assert ("429" in operation["responses"]) == path.startswith("/api/"), path


class TestCounting:
    async def test_the_window_slides(self) -> None:
        counter = RateCounter("memory://")
        standings = [await counter.count(rule("3/day"), "someone") for _ in range(4)]
        assert [standing.allowed for standing in standings] == [True, True, True, False]
        assert [standing.remaining for standing in standings] == [2, 1, 0, 0]

    async def test_keys_and_rules_are_counted_apart(self) -> None:
        counter = RateCounter("memory://")
        for quota, key in (("1/day", "a"), ("1/day", "b"), ("1/hour", "a")):
            assert (await counter.count(rule(quota), key)).allowed

    async def test_without_its_redis_each_process_counts_for_itself(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        counter = RateCounter(f"redis://127.0.0.1:{free_port()}")
        standings = [await counter.count(rule("2/day"), "someone") for _ in range(3)]
        assert [standing.allowed for standing in standings] == [True, True, False]
        assert len([record for record in caplog.records if "RATE_LIMIT_STORAGE" in record.message]) == 1
        await counter.aclose()

    async def test_processes_count_together_in_redis(self, redis: str) -> None:
        here, there = RateCounter(redis), RateCounter(redis)
        assert (await here.count(rule("2/day"), "someone")).allowed
        assert (await there.count(rule("2/day"), "someone")).allowed
        refused = await here.count(rule("2/day"), "someone")
        assert not refused.allowed
        assert refused.seconds > 0
        await here.aclose()
        await there.aclose()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """The URL of a Redis of the test's own."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server here")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen([program, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("Ready to accept connections" in line for line in process.stdout)
        yield f"redis://127.0.0.1:{port}"
        process.kill()


def _left(standing: str) -> int:
    found = re.fullmatch(r'"address";r=(\d+);t=\d+', standing)
    assert found is not None, standing
    return int(found[1])


def test_what_one_customer_may_hold_is_one_network() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2::f") != network_of("2001:db8:2::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of(None) == network_of("testclient") == "unknown"
