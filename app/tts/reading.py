"""Every line spoken once, in the wording that should fit."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from app.core.errors import ErrorCode, Problem
from app.core.sharing import each_of
from app.tts.script import Line, Script
from app.tts.speaking import Speaker, Version
from app.tts.timeline import TimingLimits, room
from app.tts.wording import LengthEstimate, Pace, best_wording, said

LINES_IN_FLIGHT = 32
# Lines that are spoken to learn the pace of a voice nobody has heard.
FIRST_LINES = 4
# So many lines in a row fail for the engine's sake, not for their own.
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
    was. `length` in seconds at the voice's own pace, estimated if it could not be spoken; `cost` in US
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
    def voice_id(self) -> str:
        return self.line.delivery.voice_id

    @property
    def pace(self) -> Pace:
        return Pace(len(said(self.text)), self.length * self.line.delivery.speaking_rate)


@dataclass(slots=True)
class Reading:
    """Speaks in parallel. A line that fails leaves the others alone; what concerns all of them is raised.

    Wordings are chosen by what was known of the voices when the job was asked for and by a first few lines,
    so that a job that is taken up again after a crash chooses the same.
    """

    speaker: Speaker
    script: Script
    limits: TimingLimits
    estimate: LengthEstimate
    report: Callable[[int, int], None]
    _failures_in_a_row: int = 0
    _done: int = 0
    _performed: dict[int, Performance] = field(default_factory=dict)

    async def read(self) -> tuple[Performance, ...]:
        """In the order of the script. Raises `Problem` if no line could be spoken at all."""
        for line in self.script.lines:
            self._take_over(line)
        waiting = [index for index, line in enumerate(self.script.lines) if line.id not in self._performed]
        self.report(0, len(waiting))
        later = self._can_wait(waiting)
        await self._perform([index for index in waiting if index not in later], len(waiting))
        self._learn()
        await self._perform(sorted(later), len(waiting))
        performed = tuple(self._performed[line.id] for line in self.script.lines)
        _check_some_spoken(performed)
        return performed

    def _take_over(self, line: Line) -> None:
        row = line.former
        if row is not None and line.fixed:
            length = row.natural_duration or row.duration * row.speed
            self._performed[line.id] = Performance(line, row.text, length)
        elif row is not None and (version := self.speaker.spoken_before(line)) is not None:
            self._performed[line.id] = Performance(
                line,
                version.text,
                version.length,
                version,
                attempts=row.attempts,
                rewrites=row.rewrites,
                cost=row.cost,
            )

    def _can_wait(self, waiting: Iterable[int]) -> set[int]:
        """Lines with a choice of wordings, until a few have shown the pace of their voice."""
        later: set[int] = set()
        heard: dict[str, int] = {}
        for index in waiting:
            line = self.script.lines[index]
            voice = line.delivery.voice_id
            if line.settled or len(line.wordings) == 1 or self.estimate.knows(voice):
                continue
            heard[voice] = heard.get(voice, 0) + 1
            if heard[voice] > FIRST_LINES:
                later.add(index)
        return later

    def _learn(self) -> None:
        spoken = (performed for performed in self._performed.values() if performed.version is not None)
        self.estimate = self.estimate.having_heard((line.voice_id, line.pace) for line in spoken)

    async def _perform(self, indexes: Sequence[int], total: int) -> None:
        async def perform(index: int) -> None:
            line = self.script.lines[index]
            self._performed[line.id] = await self._spoken(line, self._wording(index))
            self._done += 1
            self.report(self._done, total)

        await each_of(indexes, perform, at_once=LINES_IN_FLIGHT)

    def _wording(self, index: int) -> str:
        line = self.script.lines[index]
        if line.settled is not None:
            return line.settled
        space = room(self.script.slots, index, video_duration=self.script.duration, limits=self.limits)
        return best_wording(line.wordings, lambda text: self._estimated(line, text), space)

    def _estimated(self, line: Line, text: str) -> float:
        return self.estimate.seconds(text, line.delivery.voice_id, line.delivery.speaking_rate)

    async def _spoken(self, line: Line, text: str) -> Performance:
        tried = frozenset((text,))
        try:
            version = await self.speaker.speak(text, line.delivery)
        except Problem as problem:
            self._failures_in_a_row += 1
            if not concerns_one_line(problem) or self._failures_in_a_row >= MOST_FAILURES_IN_A_ROW:
                raise
            return Performance(line, text, self._estimated(line, text), failure=problem, tried=tried)
        self._failures_in_a_row = 0
        return Performance(line, text, version.length, version, cost=version.cost, tried=tried)


def concerns_one_line(problem: Problem) -> bool:
    """Whether another line may be spoken all the same: not while the engine wants to be left alone."""
    return problem.code in _OF_ONE_LINE and "retry_after" not in problem.details


def _check_some_spoken(performed: Iterable[Performance]) -> None:
    wanted = [performance for performance in performed if not performance.line.fixed]
    failures = [performance.failure for performance in wanted if performance.failure is not None]
    if failures and len(failures) == len(wanted):
        raise failures[0]
