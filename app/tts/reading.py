"""Every line spoken once, in the wording that should fit."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from app.core.concurrency import all_of
from app.core.errors import ErrorCode, Problem
from app.core.sharing import each_of
from app.jobs.pausing import OUTAGES
from app.tts.choosing import WordingChoice
from app.tts.script import Line, Script
from app.tts.speaking import Speaker, Version
from app.tts.storage import Delivery
from app.tts.wording import Pace, said

LINES_IN_FLIGHT = 32
# So many lines in a row hardly fail for their own sake.
MOST_FAILURES_IN_A_ROW = 20
# What may be the line's fault alone.
_OF_ONE_LINE = frozenset(
    (
        ErrorCode.ENGINE_BAD_ANSWER,
        ErrorCode.ENGINE_REFUSED,
        ErrorCode.ENGINE_RATE_LIMITED,
        ErrorCode.ENGINE_UNREACHABLE,
        ErrorCode.PROCESSING_ERROR,
    )
)


@dataclass(frozen=True, slots=True)
class Performance:
    """What has become of a line: the `version` to place, or the `failure`, or neither where it stays as it
    was. `length` in seconds at the voice's own pace, of its subtitle if it could not be spoken; `cost` in US
    dollars. `tried` are the wordings spoken so far, and `done` says that nothing shorter is left."""

    line: Line
    text: str
    length: float
    version: Version | None = None
    failure: Problem | None = None
    attempts: int = 1
    rewrites: int = 0
    cost: float | None = 0.0
    tried: frozenset[str] = frozenset()
    done: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether it could not be spoken, now or before."""
        return self.failure is not None or self.line.stays_silent

    @property
    def voice_id(self) -> str:
        return self.line.delivery.voice_id

    @property
    def pace(self) -> Pace:
        return Pace(len(said(self.text)), self.length * self.line.delivery.speaking_rate)


@dataclass(slots=True)
class Patience:
    """Tells what concerns one line from what concerns all of them.

    An engine that is out of reach and one that stumbles over a line tell the same: whether it can `say` what
    every voice can say makes the difference. It is asked whatever lines were spoken since: those may have
    been answered before, or found in the memo.
    """

    say: Callable[[Delivery], Awaitable[None]]
    _failures_in_a_row: int = 0
    _outage: tuple[Problem, Delivery] | None = None

    async def failed(self, problem: Problem, delivery: Delivery) -> None:
        """Raises the problem unless another line may be spoken all the same."""
        if not concerns_one_line(problem):
            raise problem
        may_be_outage = problem.code in OUTAGES
        if may_be_outage:
            self._outage = (problem, delivery)
        self._failures_in_a_row += 1
        if self._failures_in_a_row % MOST_FAILURES_IN_A_ROW == 0:
            if not may_be_outage:
                raise problem
            await self.ended()

    def succeeded(self) -> None:
        self._failures_in_a_row = 0

    async def ended(self) -> None:
        """Every line has been tried. Raises the last problem that may be an outage if that still lasts."""
        if self._outage is None:
            return
        problem, delivery = self._outage
        try:
            await self.say(delivery)
        except Problem as still:
            if still.code in OUTAGES:
                raise problem from still


@dataclass(slots=True)
class Reading:
    """Speaks in parallel. A line that fails leaves the others alone; what concerns all of them is raised.

    Wordings are chosen by what was known of the voices when the job was asked for and by a first few lines,
    so that a job that is taken up again after a crash chooses the same.
    """

    speaker: Speaker
    script: Script
    choice: WordingChoice
    report: Callable[[int, int], None]
    on_spoken: Callable[[Performance], None] = lambda _: None
    _patience: Patience = field(init=False)
    _in_flight: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LINES_IN_FLIGHT))
    _waiting: int = 0
    _done: int = 0
    _performed: dict[int, Performance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._patience = Patience(self.speaker.say_sample)

    async def read(self) -> tuple[Performance, ...]:
        """In the order of the script. Raises `Problem` if nothing could be spoken, unless the lines
        themselves are at fault and nobody tried to speak them before."""
        for line in self.script.lines:
            self._take_over(line)
        waiting = [index for index, line in enumerate(self.script.lines) if line.id not in self._performed]
        self._waiting = len(waiting)
        self.report(0, self._waiting)
        hanging = [index for index in waiting if self.choice.is_open(self.script.lines[index], index)]
        others = sorted(set(waiting).difference(hanging))
        await all_of((self._perform_open(hanging), self._perform(others, self.choice)))
        await self._patience.ended()
        performed = tuple(self._performed[line.id] for line in self.script.lines)
        await self._check_worth_keeping(performed)
        return performed

    def _take_over(self, line: Line) -> None:
        row = line.former
        if row is not None and line.fixed:
            length = row.natural_duration or row.duration * row.speed
            self._note(Performance(line, row.text, length))
        elif row is not None and (version := self.speaker.spoken_before(line)) is not None:
            self._note(
                Performance(
                    line,
                    version.text,
                    version.length,
                    version,
                    attempts=row.attempts,
                    rewrites=row.rewrites,
                    cost=row.cost,
                )
            )

    def _note(self, performance: Performance) -> None:
        self._performed[performance.line.id] = performance
        self.on_spoken(performance)

    async def _perform_open(self, indexes: Sequence[int]) -> None:
        """A few first, which show the pace of their voices, and then the others."""
        lines = self.script.lines
        first = [line.id for of_voice in self.choice.first_lines(lines).values() for line in of_voice]
        await self._perform([index for index in indexes if lines[index].id in first], self.choice)
        taught = self.choice.having_heard(self._paces(first))
        await self._perform([index for index in indexes if lines[index].id not in first], taught)

    def _paces(self, line_ids: Iterable[int]) -> Iterator[tuple[str, Pace]]:
        """Of those that could be spoken."""
        for performance in (self._performed[line_id] for line_id in line_ids):
            if performance.version is not None:
                yield performance.voice_id, performance.pace

    async def _perform(self, indexes: Sequence[int], choice: WordingChoice) -> None:
        async def perform(index: int) -> None:
            async with self._in_flight:
                performance = await self._spoken(self.script.lines[index], index, choice)
            self._note(performance)
            self._done += 1
            self.report(self._done, self._waiting)

        await each_of(indexes, perform, at_once=LINES_IN_FLIGHT)

    async def _spoken(self, line: Line, index: int, choice: WordingChoice) -> Performance:
        text = choice.wording(line, index)
        tried = frozenset((text,))
        try:
            version = await self.speaker.speak(text, line.delivery)
        except Problem as problem:
            await self._patience.failed(problem, line.delivery)
            return Performance(line, text, line.slot.end - line.slot.start, failure=problem, tried=tried)
        self._patience.succeeded()
        return Performance(line, text, version.length, version, cost=version.cost, tried=tried)

    async def _check_worth_keeping(self, performed: Iterable[Performance]) -> None:
        """There is nothing to wait for: an outage would have been raised before."""
        wanted = [performance for performance in performed if not performance.line.fixed]
        failures = [performance.failure for performance in wanted if performance.failure is not None]
        if not failures or len(failures) < len(wanted):
            return
        new = all(performance.line.former is None for performance in wanted)
        if new and await self._has_voice(wanted[0].line.delivery):
            return
        first = failures[0]
        unusable = first.code in OUTAGES
        raise Problem.recorded(ErrorCode.ENGINE_BAD_ANSWER, first.details) if unusable else first

    async def _has_voice(self, delivery: Delivery) -> bool:
        try:
            await self.speaker.say_sample(delivery)
        except Problem:
            return False
        return True


def concerns_one_line(problem: Problem) -> bool:
    """Whether another line may be spoken all the same: not while the engine wants to be left alone."""
    return problem.code in _OF_ONE_LINE and "retry_after" not in problem.details
