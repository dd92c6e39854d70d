"""The gate to an engine: how many at once, whose turn it is, how much in a minute, and when not at all."""

import asyncio
import time

import pytest

from app.core.gate.allowance import Allowance
from app.core.gate.gate import Gate, GateLimits, GateShut
from app.core.gate.headers import resting_seconds
from app.core.work import Work, working_on

REST = 0.05


class Caller:
    """Calls through a gate, and in what order they were let in."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._calls: list[asyncio.Task[None]] = []
        self.let_in: list[str] = []

    def call(
        self, name: str, project: str, *, video: str = "video", priority: int = 0, tokens: int = 0
    ) -> None:
        with working_on(Work("task", video, project, priority)):
            self._calls.append(asyncio.create_task(self._call(name, tokens)))

    async def _call(self, name: str, tokens: int) -> None:
        async with self._gate.passing(self._gate.place(tokens)):
            self.let_in.append(name)
            await asyncio.sleep(0)

    async def in_turn(self) -> list[str]:
        """Nobody is let in before everybody has lined up."""
        async with self._gate.passing(self._gate.place()):
            await asyncio.sleep(0)
        return await self.finished()

    async def finished(self) -> list[str]:
        await asyncio.gather(*self._calls)
        return self.let_in


async def test_a_project_with_many_calls_does_not_starve_another() -> None:
    caller = Caller(Gate(GateLimits(1)))
    for number in range(1000):
        caller.call(f"a{number}", "a")
    for number in range(3):
        caller.call(f"b{number}", "b")
    caller.call("outside", "")
    assert (await caller.in_turn())[:8] == ["a0", "b0", "outside", "a1", "b1", "a2", "b2", "a3"]


async def test_in_a_project_every_video_has_its_turn() -> None:
    caller = Caller(Gate(GateLimits(1)))
    for number in range(1000):
        caller.call(f"a{number}", "a", video="long")
    for name in ("b0", "b1"):
        caller.call(name, "b")
    for number in range(2):
        caller.call(f"short{number}", "a", video="short")
    caller.call("of a third", "a", video="third")
    order = ["a0", "b0", "short0", "b1", "of a third", "a1", "short1", "a2", "a3"]
    assert (await caller.in_turn())[:9] == order


async def test_of_a_video_the_higher_priority_comes_first_and_then_who_came_first() -> None:
    caller = Caller(Gate(GateLimits(1)))
    for name, priority in (("first", 0), ("low", -1), ("high", 5), ("second", 0), ("also high", 5)):
        caller.call(name, "a", priority=priority)
    caller.call("of another project", "b", priority=-10)
    order = await caller.in_turn()
    assert order == ["high", "of another project", "also high", "first", "second", "low"]


async def test_who_goes_away_takes_nobodys_turn() -> None:
    gate = Gate(GateLimits(1))
    async with gate.passing(gate.place()):
        leaving = [asyncio.create_task(enter(gate)) for _ in range(3)]
        staying = asyncio.create_task(enter(gate))
        await asyncio.sleep(0)
        for task in leaving:
            task.cancel()
    leaving[0].cancel()
    await staying
    await asyncio.gather(*leaving, return_exceptions=True)
    await enter(gate)


async def test_who_is_let_in_and_goes_away_at_once_leaves_room() -> None:
    gate = Gate(GateLimits(1))
    async with gate.passing(gate.place()):
        task = asyncio.create_task(enter(gate))
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.wait_for(enter(gate), 5)


async def test_the_width_is_halved_once_a_round_trip_and_grows_with_every_windowful() -> None:
    gate = Gate(GateLimits(8))
    assert await widths_after(gate, refusals=8) == 4
    assert await widths_after(gate, refusals=1) == 2
    assert await widths_after(gate, refusals=1) == 1
    assert await widths_after(gate, refusals=1) == 1
    assert [await widths_after(gate, successes=calls) for calls in (1, 2, 3)] == [2, 2, 3]
    assert await widths_after(gate, successes=100) == 8


async def test_nobody_is_let_in_while_the_engine_rests() -> None:
    gate = Gate(GateLimits(8))
    started = time.monotonic()
    gate.rest(REST)
    gate.rest(REST / 10)
    await asyncio.gather(enter(gate), enter(gate))
    assert time.monotonic() - started >= REST


async def test_nobody_waits_for_longer_than_they_have_patience() -> None:
    gate = Gate(GateLimits(1, patience=10))
    async with gate.passing(gate.place()):
        waiting = asyncio.create_task(enter(gate))
        await asyncio.sleep(0)
        gate.rest(60)
        with pytest.raises(GateShut) as shut:
            await waiting
    assert shut.value.seconds == pytest.approx(60, abs=1)
    with pytest.raises(GateShut):
        await enter(gate)


async def test_more_requests_than_a_minute_allows_wait_for_the_next() -> None:
    gate = Gate(GateLimits(8, requests_per_minute=2))
    caller = Caller(gate)
    for name in "abc":
        caller.call(name, "a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(caller.finished(), REST)
    assert caller.let_in == ["a", "b"]


async def test_tokens_that_were_not_used_are_there_for_others() -> None:
    gate = Gate(GateLimits(8, tokens_per_minute=100))
    async with gate.passing(gate.place(90)) as passage:
        passage.succeeded(10)
    await enter(gate, tokens=90)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(enter(gate, tokens=1), REST)


def test_an_allowance_holds_in_every_stretch_of_a_minute() -> None:
    allowance = Allowance(10)
    assert allowance.delay(10, now=0) == 0
    allowance.spend(4, now=0)
    allowance.spend(6, now=30)
    assert [allowance.delay(amount, now=40) for amount in (4, 5, 10, 11)] == [20, 50, 50, 50]
    assert allowance.delay(4, now=60) == 0
    allowance.spend(4, now=60)
    assert allowance.delay(1, now=60) == 30


def test_an_allowance_learns_what_it_came_to() -> None:
    allowance = Allowance(10)
    early, late = allowance.spend(5, now=0), allowance.spend(5, now=59)
    assert allowance.delay(3, now=61) == 0
    allowance.correct(early, 1000)
    assert allowance.delay(5, now=61) == 0
    allowance.correct(late, 9)
    assert allowance.delay(2, now=61) == 58


def test_no_limit_is_never_reached() -> None:
    allowance = Allowance(None)
    allowance.spend(10**9, now=0)
    assert allowance.delay(10**9, now=0) == 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Wed, 25 Nov 2026 10:00:30 GMT", "date": "Wed, 25 Nov 2026 10:00:00 GMT"}, 30),
        ({"retry-after": "Wed, 25 Nov 2020 10:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "-3"}, 0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "17ms"}, 0.017),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "12"}, 12),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "tomorrow"}, 0),
        ({"x-ratelimit-remaining-tokens": "0"}, 0),
        ({"x-ratelimit-remaining-tokens": "1", "x-ratelimit-reset-tokens": "6m0s"}, 0),
        ({"retry-after": "2", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "3s"}, 3),
    ],
)
def test_when_a_server_wants_to_be_asked_again(headers: dict[str, str], seconds: float) -> None:
    assert resting_seconds(headers, refused=True) == pytest.approx(seconds)


def test_an_answer_asks_for_a_rest_only_when_a_limit_is_used_up() -> None:
    used_up = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}
    assert resting_seconds({"retry-after": "5"} | used_up, refused=False) == 1


async def enter(gate: Gate, tokens: int = 0) -> None:
    async with gate.passing(gate.place(tokens)):
        pass


async def widths_after(gate: Gate, *, refusals: int = 0, successes: int = 0) -> int:
    """How many are let in at once, when refusals came at once and successes one after the other."""
    await asyncio.gather(*(fare(gate, well=False) for _ in range(refusals)))
    for _ in range(successes):
        await fare(gate, well=True)
    return await width(gate)


async def width(gate: Gate) -> int:
    inside, everybody_tried = 0, asyncio.Event()

    async def stay() -> None:
        nonlocal inside
        async with gate.passing(gate.place()):
            inside += 1
            await everybody_tried.wait()

    crowd = [asyncio.create_task(stay()) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    found = inside
    everybody_tried.set()
    await asyncio.gather(*crowd)
    return found


async def fare(gate: Gate, *, well: bool) -> None:
    async with gate.passing(gate.place()) as passage:
        await asyncio.sleep(0)
        if well:
            passage.succeeded()
        else:
            passage.congested()
