"""Lines spoken while others are still being translated."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.database import Database
from app.core.errors import Problem
from app.core.sharing import whenever_free
from app.jobs.models import ACTIVE, Job, JobStatus
from app.jobs.monitor import JobMonitor
from app.jobs.partial import segments_so_far
from app.subtitles.segments import Segment
from app.subtitles.storage import segments_from_json
from app.tts.choosing import FIRST_LINES, WordingChoice
from app.tts.reading import LINES_IN_FLIGHT, Patience
from app.tts.script import Line
from app.tts.speaking import Speaker
from app.tts.wording import Pace, said

LOOKING_SECONDS = 0.25


class NothingToFollow(Exception):
    """The translation failed or was cancelled."""


async def translated_so_far(
    database: Database, monitor: JobMonitor, translation_id: str
) -> AsyncIterator[tuple[Segment, ...]]:
    """Again and again, in order of time, until the translation has completed, wherever that runs. Raises
    `NothingToFollow`."""
    segments: tuple[Segment, ...] = ()
    while True:
        async with database.read() as session:
            job = await session.get(Job, translation_id)
            if job is None or job.status is JobStatus.COMPLETED:
                return
            if job.status not in ACTIVE:
                raise NothingToFollow(translation_id)
            if job.segments_so_far > len(segments):
                segments = segments_from_json(await segments_so_far(session, job.id))
        yield segments
        await monitor.attempt_ended(translation_id, LOOKING_SECONDS)


@dataclass(slots=True)
class ReadingAhead:
    """Speaks lines as they are translated, for `Reading` to find them spoken. A line that fails here is
    left to it; what concerns all lines is raised in the `group`.

    A line whose wording hangs on the pace of a voice waits until those are spoken that show it, and so until
    everything before them is translated.
    """

    speaker: Speaker
    choice: WordingChoice
    group: asyncio.TaskGroup
    report: Callable[[int, int], None]
    _patience: Patience = field(init=False)
    _in_flight: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LINES_IN_FLIGHT))
    _begun: set[int] = field(default_factory=set)
    _paces: dict[int, Pace] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._patience = Patience(self.speaker.say_sample)

    def speak(self, lines: Mapping[int, Line]) -> None:
        """Begins what can be begun of all that is translated so far, by ids."""
        first = self.choice.first_lines(self._beginning(lines))
        for index, slot in enumerate(self.choice.slots):
            line = lines.get(slot.id)
            if line is None or line.id in self._begun or self.speaker.spoken_before(line) is not None:
                continue
            choice = self._choice_for(line, index, first.get(line.delivery.voice_id, []))
            if choice is not None:
                self._begun.add(line.id)
                self.group.create_task(self._speak(line, choice.wording(line, index)))

    def _beginning(self, lines: Mapping[int, Line]) -> Iterator[Line]:
        """The lines up to the first that is not translated yet."""
        for slot in self.choice.slots:
            if slot.id not in lines:
                return
            yield lines[slot.id]

    def _choice_for(self, line: Line, index: int, first: Sequence[Line]) -> WordingChoice | None:
        """None while nobody knows; `first` are the first lines of its voice."""
        ids = [other.id for other in first]
        if line.id in ids or not self.choice.is_open(line, index):
            return self.choice
        if len(ids) < FIRST_LINES or not self._paces.keys() >= set(ids):
            return None
        return self.choice.having_heard((line.delivery.voice_id, self._paces[number]) for number in ids)

    async def _speak(self, line: Line, text: str) -> None:
        async def rehearse() -> float:
            async with self._in_flight:
                return await self.speaker.rehearse(text, line.delivery)

        try:
            length = await whenever_free(rehearse)
        except Problem as problem:
            await self._patience.failed(problem, line.delivery)
            return
        self._patience.succeeded()
        self._paces[line.id] = Pace(len(said(text)), length * line.delivery.speaking_rate)
        self.report(len(self._paces), len(self.choice.slots))
