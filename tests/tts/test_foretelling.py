"""What is told of lines while others are still to be spoken."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.core.database import Database
from app.memo import Memo
from app.storage.manager import StorageManager
from app.translation.models import Translation
from app.translation.rewriting import Rewriter
from app.translation.storage import TranslatedTrack
from app.tts.choosing import WordingChoice
from app.tts.foretelling import Foretelling, ForetoldLine, foretold_lines
from app.tts.reading import Performance
from app.tts.rewording import Rewording
from app.tts.script import Line, Script
from app.tts.speaking import Speaker
from app.tts.storage import Delivery
from app.tts.timeline import Slot, TimingLimits
from app.tts.wording import LengthEstimate
from tests.loopback.engines import SuffixTranslator, ToneVoice

DELIVERY = Delivery("tone", speaking_rate=1.0, pitch=0.0, volume_gain_db=0.0)
# A character takes the voice 0.06 seconds.
SHORT, HASTY, FULL, LONG = "short", "c" * 29, "a" * 33, "b" * 60


@dataclass
class Told:
    """What somebody hears, and when it is news."""

    lines: dict[int, ForetoldLine] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, _position: int, lines: Sequence[dict[str, object]]) -> None:
        self.lines |= {line.id: line for line in foretold_lines(lines)}
        self.news.set()

    async def heard(self, count: int) -> set[int]:
        """Of which lines, once it is so many."""
        async with asyncio.timeout(5):
            while len(self.lines) < count:
                self.news.clear()
                await self.news.wait()
        return set(self.lines)


@dataclass
class Stage:
    """Speaks the lines of a script by number, two seconds each, and tells of them."""

    speaker: Speaker
    foretelling: Foretelling

    async def speak(self, *numbers: int) -> None:
        for number in numbers:
            line = self.foretelling.rewording.script.lines[number]
            version = await self.speaker.speak(line.wordings[0], line.delivery)
            self.foretelling.spoken(Performance(line, version.text, version.length, version))


@pytest.fixture
async def speaker(database: Database, tmp_path: Path) -> AsyncIterator[Speaker]:
    storage, voice = StorageManager(tmp_path / "data", "test"), ToneVoice()
    memo = Memo(database, storage)
    yield Speaker(voice, memo, storage, "en", voice.sample_rate)
    await memo.close()


def stage(speaker: Speaker, told: Told, texts: Sequence[str], rewrites: int = 0) -> Stage:
    slots = tuple(Slot(number, 2.0 * number, 2.0 * number + 2) for number in range(len(texts)))
    lines = tuple(Line(slot, (text,), None, DELIVERY) for slot, text in zip(slots, texts, strict=True))
    duration = 2.0 * len(texts)
    script = Script(lines, slots, {}, duration, TranslatedTrack(Translation(), ()), None)
    rewriter = Rewriter(speaker.memo, SuffixTranslator)
    rewording = Rewording(speaker, rewriter, script, TimingLimits(), rewrites, lambda _: None)
    choice = WordingChoice(slots, duration, TimingLimits(), LengthEstimate("en"))
    return Stage(speaker, Foretelling(rewording, choice, told.tell))


async def test_a_passage_is_told_when_all_of_it_is_spoken(speaker: Speaker) -> None:
    """The lines 1 and 2 leave each other no room."""
    told = Told()
    speaking = stage(speaker, told, [SHORT, FULL, SHORT, SHORT])
    telling = asyncio.create_task(speaking.foretelling.run())
    await speaking.speak(1, 0)
    assert await told.heard(1) == {0}
    await speaking.speak(3)
    assert await told.heard(2) == {0, 3}
    await speaking.speak(2)
    assert await told.heard(4) == {0, 1, 2, 3}
    telling.cancel()
    assert told.lines[3].start == 6.0
    assert told.lines[1].clip is not None
    assert await speaker.storage.read_bytes(told.lines[1].clip)


@pytest.mark.parametrize(("rewrites", "heard"), [(1, {0, 1}), (0, {0, 1, 2})])
async def test_a_line_that_is_going_to_be_reworded_is_not_told(
    speaker: Speaker, rewrites: int, heard: set[int]
) -> None:
    told = Told()
    speaking = stage(speaker, told, [SHORT, SHORT, LONG], rewrites)
    telling = asyncio.create_task(speaking.foretelling.run())
    await speaking.speak(2, 1, 0)
    assert await told.heard(len(heard)) == heard
    telling.cancel()


async def test_a_line_that_joins_a_passage_told_before_is_told_with_it(speaker: Speaker) -> None:
    """It takes longer than was expected, and leaves the line after it no room."""
    told = Told()
    speaking = stage(speaker, told, [SHORT, HASTY, SHORT])
    telling = asyncio.create_task(speaking.foretelling.run())
    await speaking.speak(2)
    assert await told.heard(1) == {2}
    await speaking.speak(0, 1)
    assert await told.heard(3) == {0, 1, 2}
    telling.cancel()
