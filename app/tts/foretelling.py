"""Where lines will be heard, told while others are still to be spoken: whoever mixes them need not wait."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count, pairwise

from pydantic import TypeAdapter

from app.tts.choosing import WordingChoice
from app.tts.reading import Performance
from app.tts.rewording import Rewording
from app.tts.script import Line
from app.tts.timeline import Placement

TELLING_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ForetoldLine:
    """A line as it is going to be placed, unless its neighbours come out otherwise than expected: the `clip`
    is the key of its sound, None if it is silent; `start` and `duration` in seconds."""

    id: int
    clip: str | None
    start: float
    duration: float


_LINES = TypeAdapter(tuple[ForetoldLine, ...])

# Called with the number of the piece of news, and what it is.
Tell = Callable[[int, Sequence[dict[str, object]]], None]


def foretold_lines(told: Iterable[dict[str, object]]) -> tuple[ForetoldLine, ...]:
    return _LINES.validate_python(told)


@dataclass(slots=True)
class Foretelling:
    """Tells of the passages whose lines are all spoken and in the words that they are going to have."""

    rewording: Rewording
    choice: WordingChoice
    tell: Tell
    _spoken: dict[int, Performance] = field(default_factory=dict)
    _told: set[int] = field(default_factory=set)
    _positions: Iterator[int] = field(default_factory=count)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def spoken(self, performance: Performance) -> None:
        self._spoken[performance.line.id] = performance
        self._news.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self._tell_passages()
            await asyncio.sleep(TELLING_SECONDS)

    async def _tell_passages(self) -> None:
        lines, placements = await asyncio.to_thread(self._plan, dict(self._spoken))
        for passage in _passages(placements, self.rewording.limits.min_gap):
            ids = {lines[index].line.id for index in passage}
            settled = all(self._is_settled(lines, placements, index) for index in passage)
            if settled and not ids <= self._told:
                told = [await self._foretold(lines[index], placements[index]) for index in passage]
                self._told |= ids
                self.tell(next(self._positions), [asdict(line) for line in told])

    def _plan(self, spoken: Mapping[int, Performance]) -> tuple[Sequence[Performance], Sequence[Placement]]:
        """All lines, those that are not spoken yet as long as they are expected to be, and their places."""
        every = enumerate(self.rewording.script.lines)
        lines = [spoken.get(line.id) or self._expected(line, index) for index, line in every]
        return lines, self.rewording.plan(lines)

    def _expected(self, line: Line, index: int) -> Performance:
        text = self.choice.wording(line, index)
        return Performance(line, text, self.choice.estimated(line, text), attempts=0)

    def _is_settled(self, lines: Sequence[Performance], placements: Sequence[Placement], index: int) -> bool:
        return lines[index].attempts > 0 and not self.rewording.is_tight(lines, placements, index)

    async def _foretold(self, performance: Performance, placement: Placement) -> ForetoldLine:
        line, version, clip = performance.line, performance.version, None
        if version is not None:
            clip = await self.rewording.speaker.fitted(version, line.delivery, placement.speed)
        return ForetoldLine(line.id, clip, placement.start, placement.duration)


def _passages(placements: Sequence[Placement], gap: float) -> Iterator[list[int]]:
    """Of lines that leave each other no more than the gap, by index."""
    passage: list[int] = []
    for index, (before, placement) in enumerate(pairwise((None, *placements))):
        if before is not None and placement is not None and placement.start > before.end + gap:
            yield passage
            passage = []
        passage.append(index)
    if passage:
        yield passage
