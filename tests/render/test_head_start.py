"""What is mixed and measured before all is spoken is what the mix asks for in the end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from app.media.audio import Audio, gain
from app.media.probe import probe
from app.media.sound_parts import SAMPLE_RATE, SoundCodec, opus
from app.media.soundtrack import Soundtrack
from app.memo import MemoEntry
from app.render.head_start import HeadStart
from app.render.measuring import DubMeasuring
from app.render.mixer import TELLING_LINES
from app.render.parts import OriginalSound, SoundParts, VoiceLine
from app.render.sound import SoundMixer
from tests.media.babble import babble
from tests.render.mixing import AAC, DEFAULT, MixingDesk, film, measure

SECONDS, LINES_EVERY, PARTS = 140, 4.0, 5
CODECS = pytest.mark.parametrize("codec", [AAC, opus(96_000)], ids=["aac", "opus"])


class Dub:
    """A film of five parts with a line every few seconds, and what makes its sound."""

    def __init__(self, desk: MixingDesk, path: Path, codec: SoundCodec = AAC) -> None:
        self.desk, self.options = desk, DEFAULT
        source = film(path / "film.mov", "anoisesrc=color=pink:seed=3:amplitude=0.2", SECONDS)
        scratch = path / "scratch"
        scratch.mkdir()
        soundtrack = Soundtrack(desk.ffmpeg, source, probe(source), scratch)
        original = OriginalSound("film", soundtrack, SECONDS * SAMPLE_RATE)
        self.parts = SoundParts(desk.memo, desk.storage, original, codec, scratch)
        self.measuring = DubMeasuring(desk.memo, desk.storage)
        self.start = HeadStart(self.parts, self.measuring, DEFAULT)

    async def lines(self, failed: int | None = None) -> list[VoiceLine]:
        voices = [self._voice(number) for number in range(int(SECONDS / LINES_EVERY))]
        lines = [await self.desk.line(voice, number * LINES_EVERY) for number, voice in enumerate(voices)]
        return [replace(line, spoken=None) if number == failed else line for number, line in enumerate(lines)]

    async def mix_ahead(self, lines: Sequence[VoiceLine], spoken: int) -> None:
        slots = {number: line.slot for number, line in enumerate(lines)}
        await self.start.mix(slots, {number: line.spoken for number, line in enumerate(lines[:spoken])})

    async def finish(self, lines: Sequence[VoiceLine]) -> Path:
        mixer = SoundMixer(self.parts, self.measuring)
        made = await mixer.make([lines], self.options, _alone, lambda _done, _total: None)
        return made.file

    async def made(self) -> Counter[str]:
        """How many results the memo has of each kind."""
        await self.desk.memo.close()
        async with self.desk.database.read() as session:
            return Counter(await session.scalars(select(MemoEntry.kind)))

    def _voice(self, number: int) -> Audio:
        return gain(babble(2.0 + 0.1 * (number % 9), seed=number), 3.0)


async def _alone(sounds: Sequence[Path]) -> Path:
    (sound,) = sounds
    return sound


@CODECS
async def test_nothing_but_the_last_stretch_is_left_when_all_is_spoken(
    desk: MixingDesk, tmp_path: Path, codec: SoundCodec
) -> None:
    dub = Dub(desk, tmp_path, codec)
    lines = await dub.lines(failed=7)
    await dub.start.listen()
    for spoken in (3, 13, 14, 20, 29, len(lines)):
        await dub.mix_ahead(lines, spoken)
    before = await dub.made()
    assert before == {"loudness": 2 * PARTS, "sound": PARTS, "measure": PARTS - 1}
    await dub.finish(lines)
    assert await dub.made() == before + Counter(measure=1)


async def test_a_line_that_comes_elsewhere_in_the_end_costs_its_part_and_nothing_else(
    desk: MixingDesk, tmp_path: Path
) -> None:
    """The line at the part's border is measured again as well, and the last stretch was left."""
    dub = Dub(desk, tmp_path)
    lines = await dub.lines()
    await dub.start.listen()
    await dub.mix_ahead(lines, len(lines))
    ahead = await dub.made()
    moved = lines[17]
    assert moved.spoken is not None
    lines[17] = replace(moved, spoken=replace(moved.spoken, start=moved.spoken.start + 0.2))
    heard = measure(await dub.finish(lines))
    assert await dub.made() == ahead + Counter(loudness=1, sound=1, measure=3)
    assert heard.loudness == pytest.approx(-16, abs=1.0)


async def test_nothing_is_mixed_before_it_is_known_how_loud(desk: MixingDesk, tmp_path: Path) -> None:
    dub = Dub(desk, tmp_path)
    lines = await dub.lines()
    await dub.mix_ahead(lines, len(lines))
    assert not await dub.made()
    await dub.start.listen()
    await dub.mix_ahead(lines, TELLING_LINES)
    assert (await dub.made())["sound"] == 0
