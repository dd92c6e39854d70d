"""Where lines will be heard, told while others are still to be spoken: whoever mixes them need not wait."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise

from pydantic import TypeAdapter

from app.core.errors import Problem
from app.core.work import current_work
from app.tts.choosing import WordingChoice
from app.tts.reading import Performance
from app.tts.rewording import Rewording
from app.tts.timeline import Placement

TELLING_SECONDS = 0.1

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ForetoldLine:
    """A line as it is going to be placed, unless its neighbours come out otherwise than expected: the `clip`
    is the key of its sound, None if it failed; `start` and `duration` in seconds."""

    id: int
    clip: str | None
    start: float
    duration: float


_LINES = TypeAdapter(tuple[ForetoldLine, ...])

# Called with a number of its own for each, and what is new.
Tell = Callable[[int, Sequence[dict[str, object]]], None]


def foretold_lines(told: Iterable[dict[str, object]]) -> tuple[ForetoldLine, ...]:
    return _LINES.validate_python(told)


@dataclass(slots=True)
class Foretelling:
    """Tells of the passages whose lines are all spoken and need no fewer words, with the lines that are not
    spoken yet as long as they are expected to be."""

    rewording: Rewording
    choice: WordingChoice
    tell: Tell
    _spoken: dict[int, Performance] = field(default_factory=dict)
    _told: set[int] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def spoken(self, performance: Performance) -> None:
        self._spoken[performance.line.id] = performance
        self._news.set()

    async def run(self) -> None:
        """Until it is cancelled, if this is a stage of a dub: nobody else would hear of it."""
        work = current_work()
        while work is not None and work.parent_id is not None and not work.assistant:
            await self._news.wait()
            self._news.clear()
            try:
                await self._tell_passages()
            except (Problem, OSError) as error:  # the job itself will come upon it
                logger.info("lines are not foretold: %s", error)
            await asyncio.sleep(TELLING_SECONDS)

    async def _tell_passages(self) -> None:
        spoken = dict(self._spoken)
        lines = [
            spoken.get(line.id) or self._expected(index)
            for index, line in enumerate(self.rewording.script.lines)
        ]
        placements = await asyncio.to_thread(self.rewording.plan, lines)
        for passage in _passages(placements, self.rewording.limits.min_gap):
            first = lines[passage[0]].line.id
            settled = all(
                lines[index].line.id in spoken and not self.rewording.is_tight(lines, placements, index)
                for index in passage
            )
            if settled and first not in self._told:
                told = [await self._foretold(lines[index], placements[index]) for index in passage]
                self._told.add(first)
                self.tell(first, [asdict(line) for line in told])

    def _expected(self, index: int) -> Performance:
        line = self.rewording.script.lines[index]
        text = self.choice.wording(line, index)
        return Performance(line, text, self.choice.estimated(line, text))

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
