"""Which failures of lines are the engine's, whatever else of the script is spoken meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from app.core.database import Database
from app.core.errors import ErrorCode, Problem
from app.media.audio import Audio
from app.memo import Memo
from app.storage.manager import StorageManager
from app.translation.models import Translation
from app.translation.storage import TranslatedTrack
from app.tts.choosing import WordingChoice
from app.tts.engines.base import SpeechRequest
from app.tts.reading import Reading
from app.tts.script import Line, Script
from app.tts.speaking import Speaker
from app.tts.storage import Delivery
from app.tts.timeline import Slot, TimingLimits
from app.tts.wording import LengthEstimate
from tests.loopback.engines import ToneVoice

ANSWERED, SILENT, FAILING = "answered", "silent", "failing"
DELIVERY = Delivery("tone", speaking_rate=1.0, pitch=0.0, volume_gain_db=0.0)


class BreakingVoice(ToneVoice):
    """Says what was asked before it went out of reach, but only once a line has failed; it is `back` for
    whatever is asked after the lines."""

    def __init__(self) -> None:
        self.back = False
        self.has_failed = asyncio.Event()

    async def speak(self, request: SpeechRequest) -> Audio:
        if request.text in (ANSWERED, SILENT):
            await self.has_failed.wait()
        elif request.text == FAILING or not self.back:
            raise Problem(ErrorCode.ENGINE_UNREACHABLE, model=self.model, reason="no answer in time")
        audio = await super().speak(request)
        return Audio(0 * audio.samples, audio.sample_rate) if request.text == SILENT else audio


@pytest.fixture
def voice() -> BreakingVoice:
    return BreakingVoice()


@pytest.fixture
async def speaker(database: Database, tmp_path: Path, voice: BreakingVoice) -> AsyncIterator[Speaker]:
    storage = StorageManager(tmp_path / "data", "test")
    memo = Memo(database, storage)
    yield Speaker(voice, memo, storage, "en", voice.sample_rate)
    await memo.close()


def reading(speaker: Speaker, voice: BreakingVoice, texts: Sequence[str]) -> Reading:
    slots = tuple(Slot(number, float(number), number + 1.0) for number in range(len(texts)))
    lines = tuple(Line(slot, (text,), None, DELIVERY) for slot, text in zip(slots, texts, strict=True))
    duration = float(len(texts))
    script = Script(lines, slots, {}, duration, TranslatedTrack(Translation(), ()), None)
    choice = WordingChoice(slots, duration, TimingLimits(), LengthEstimate("en"))

    def report(done: int, total: int) -> None:
        if done:
            voice.has_failed.set()

    return Reading(speaker, script, choice, report)


@pytest.mark.parametrize("text", [ANSWERED, SILENT])
async def test_an_answer_from_before_an_outage_does_not_hide_it(
    speaker: Speaker, voice: BreakingVoice, text: str
) -> None:
    with pytest.raises(Problem) as outage:
        await reading(speaker, voice, [text, FAILING]).read()
    assert outage.value.code is ErrorCode.ENGINE_UNREACHABLE


async def test_a_line_that_fails_alone_is_not_waited_for(speaker: Speaker, voice: BreakingVoice) -> None:
    voice.back = True
    performed = await reading(speaker, voice, [ANSWERED, FAILING]).read()
    assert [performance.failure is not None for performance in performed] == [False, True]
