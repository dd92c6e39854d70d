"""HeadStart: the sound of a dub, made and measured while its last lines are still being spoken."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.core.sharing import each_of
from app.media.ffmpeg import FFmpegWrapper
from app.media.loudness import Energies
from app.media.sound_parts import SAMPLE_RATE, Part, join_parts
from app.memo import Memo
from app.render.ducking import Span
from app.render.measuring import DubMeasuring, PlannedClip
from app.render.mixer import Levels, foretold_levels, mixed_range, recipe_for, until_foretold
from app.render.parts import (
    PARTS_AT_ONCE,
    MixOptions,
    SoundParts,
    SoundPlan,
    VoiceLine,
    mix_options,
    original_sound,
    plan_sound,
)
from app.render.schemas import GenerateDubbedVideo
from app.storage.manager import StorageManager
from app.videos.service import VideoProcessor

# How far a line may be heard beyond its subtitle, with what the original does around it.
REACH_SECONDS = 3.0
MOST_AT_ONCE = 2


@dataclass(slots=True)
class HeadStart:
    """Leaves in the memo what `SoundMixer` is going to ask for. It is for one track; where lines are placed
    otherwise in the end, nothing but the time is lost."""

    parts: SoundParts
    measuring: DubMeasuring
    options: MixOptions
    _heard: Energies | None = None
    _levels: Levels | None = None
    _encoded: dict[Part, Path] = field(default_factory=dict)
    _measured: set[Part] = field(default_factory=set)

    async def listen(self) -> None:
        """To the original, which is all there is before anything is spoken."""
        self._heard = await self.parts.heard(at_once=1)

    async def mix(self, slots: Mapping[int, Span], placed: Mapping[int, PlannedClip | None]) -> None:
        """The parts in which every line is `placed`, None for one that failed; `slots` has all lines in order
        of time."""
        lines = [VoiceLine(slot, placed.get(number)) for number, slot in slots.items()]
        waiting = [slot for number, slot in slots.items() if number not in placed]
        plan = plan_sound(lines, self.options)
        settled = [part for part in self.parts.original.parts if not self._is_touched(part, waiting)]
        if self._levels is None:
            self._levels = await self._foretold(plan, settled)
        if self._levels is not None:
            await self._make([part for part in settled if part not in self._encoded], plan, self._levels)

    def _is_touched(self, part: Part, slots: Sequence[Span]) -> bool:
        heard = mixed_range(part, self.parts.codec)
        first = heard.start / SAMPLE_RATE - REACH_SECONDS
        last = heard.end / SAMPLE_RATE + REACH_SECONDS
        return any(slot.start < last and slot.end > first for slot in slots)

    async def _foretold(self, plan: SoundPlan, settled: Sequence[Part]) -> Levels | None:
        """None while that cannot be told."""
        target = self.options.loudness
        until = 0.0 if target is None else until_foretold(plan.slots) * SAMPLE_RATE
        first = [part for part in self.parts.original.parts if part.start < until]
        if self._heard is None or not set(first) <= set(settled):
            return None
        voice = await self.parts.spoken(plan.clips, first)
        return foretold_levels(self._heard, voice, plan.slots, plan.ducking, target)

    async def _make(self, parts: Sequence[Part], plan: SoundPlan, levels: Levels) -> None:
        async def make(part: Part) -> None:
            recipe = recipe_for(part, self.parts.codec, plan.clips, plan.ducking, levels)
            self._encoded[part] = await self.parts.encoded(recipe)
            await self.parts.spoken_in(part, plan.clips)
            await self._measure_around(part, plan)

        await each_of(parts, make, at_once=PARTS_AT_ONCE)

    async def _measure_around(self, part: Part, plan: SoundPlan) -> None:
        """What can be measured now that the part is there."""
        every = self.parts.original.parts
        number = every.index(part)
        for middle in range(max(0, number - 1), min(number + 2, len(every) - 1)):
            around = every[max(0, middle - 1) : middle + 2]
            if every[middle] not in self._measured and self._encoded.keys() >= set(around):
                self._measured.add(every[middle])
                await self._measure(middle, around, plan)

    async def _measure(self, number: int, around: Sequence[Part], plan: SoundPlan) -> None:
        sound = self.parts.folder / f"around-{number}.{self.parts.codec.container}"
        files = [self._encoded[part] for part in around]
        begins, ends = around[0].start, around[-1].end
        await asyncio.to_thread(join_parts, files, ends - begins, self.parts.codec, sound)
        await self.measuring.stretch(sound, begins / SAMPLE_RATE, number, plan.spoken)
        await asyncio.to_thread(sound.unlink)


@dataclass(frozen=True, slots=True)
class HeadStarts:
    """What they are made with. Few go on at once in this process: each has a copy of its video and the whole
    of its sound in a scratch folder, and uses the processor beside the jobs that have their places for it.
    """

    videos: VideoProcessor
    storage: StorageManager
    memo: Memo
    ffmpeg: FFmpegWrapper
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))

    @asynccontextmanager
    async def begun(self, video_id: str, request: GenerateDubbedVideo) -> AsyncIterator[HeadStart]:
        """Once there is a place for it. Raises as `VideoProcessor.source` does."""
        async with self._places, self.storage.scratch_folder() as folder:
            source = await self.videos.source(video_id, folder)
            original = original_sound(self.ffmpeg, source, folder)
            parts = SoundParts(self.memo, self.storage, original, request.output.sound_codec, folder)
            yield HeadStart(parts, DubMeasuring(self.memo, self.storage), mix_options(request.options))
