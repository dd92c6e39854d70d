"""SoundMixer: the sound of a dub, made in parts of which only those that an edit touches are made again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.sharing import each_of
from app.media.sound_parts import join_parts
from app.render.measuring import DubMeasuring, MeasuredTrack
from app.render.mixer import CEILING, Levels, PartRecipe, corrected, levels_for, lowered, recipe_for
from app.render.parts import PARTS_AT_ONCE, MixOptions, SoundParts, SoundPlan, VoiceLine, plan_sound

# At the loudness asked for, and below the highest peak.
ATTEMPTS = 4

PartCallback = Callable[[int, int], None]
# Makes the file that people get of finished sounds, one for each dub.
Finish = Callable[[Sequence[Path]], Awaitable[Path]]


@dataclass(frozen=True, slots=True)
class Settled:
    """What is settled only once a mix is heard: its levels, and the ceiling of each part."""

    levels: Levels
    ceilings: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FinishedSound:
    """The file with all the sounds, and what is heard in it: a track for each dub."""

    file: Path
    tracks: tuple[MeasuredTrack, ...]


@dataclass(frozen=True, slots=True)
class SoundMixer:
    """Mixes the parts, joins them, and hears what came of it."""

    parts: SoundParts
    measuring: DubMeasuring

    async def make(
        self,
        dubs: Sequence[Sequence[VoiceLine]],
        options: MixOptions,
        finish: Finish,
        on_part: PartCallback,
        on_measured: Callable[[float], None] = lambda _: None,
    ) -> FinishedSound:
        """Writes the sound of each of the `dubs`, exactly as long as the original, in the codec's container,
        and has them `finish`ed into the file that people get.

        That file is measured, and what is too loud, too quiet or too near full scale in it is mixed once
        more. `on_part` is told how many parts are done, and of how many. Raises `Problem` as
        `FFmpegWrapper.run` does for an original that cannot be decoded.
        """
        plans = [plan_sound(lines, options) for lines in dubs]
        settled = [await self._settled(plan, options) for plan in plans]
        report = on_part
        for attempt in range(1, ATTEMPTS + 1):
            sounds = await self._sounds(plans, settled, report)
            file = await finish(sounds)
            heard = await self.measuring.tracks(file, [plan.spoken for plan in plans], on_measured)
            better = [
                self._improved(found, options, track) for found, track in zip(settled, heard, strict=True)
            ]
            if better == settled or attempt == ATTEMPTS:
                break
            settled, report = better, _untold
        return FinishedSound(file, heard)

    async def _settled(self, plan: SoundPlan, options: MixOptions) -> Settled:
        """As far as that can be told before it is heard."""
        heard, spoken = await self.parts.heard(), await self.parts.spoken(plan.clips)
        levels = levels_for(heard, spoken, plan.slots, plan.ducking, options.loudness)
        return Settled(levels, (CEILING,) * len(self.parts.original.parts))

    async def _sounds(
        self, plans: Sequence[SoundPlan], settled: Sequence[Settled], on_part: PartCallback
    ) -> list[Path]:
        sounds, total, codec = [], self.parts.original.total, self.parts.codec
        for index, (plan, found) in enumerate(zip(plans, settled, strict=True)):
            recipes = await asyncio.to_thread(self._recipes, plan, found)
            files = await self._encoded(recipes, _among(on_part, index, len(plans)))
            sounds.append(self.parts.folder / f"sound-{index}.{codec.container}")
            await asyncio.to_thread(join_parts, files, total, codec, sounds[-1])
        return sounds

    def _recipes(self, plan: SoundPlan, settled: Settled) -> list[PartRecipe]:
        return [
            recipe_for(part, self.parts.codec, plan.clips, plan.ducking, settled.levels, ceiling)
            for part, ceiling in zip(self.parts.original.parts, settled.ceilings, strict=True)
        ]

    async def _encoded(self, recipes: Sequence[PartRecipe], on_part: PartCallback) -> list[Path]:
        done = 0

        async def made(recipe: PartRecipe) -> Path:
            nonlocal done
            path = await self.parts.encoded(recipe)
            done += 1
            on_part(done, len(recipes))
            return path

        on_part(0, len(recipes))
        return await each_of(recipes, made, at_once=PARTS_AT_ONCE)

    def _improved(self, settled: Settled, options: MixOptions, heard: MeasuredTrack) -> Settled:
        """The same if what is heard is as it should be."""
        return Settled(
            corrected(settled.levels, options.loudness, heard.lufs),
            lowered(settled.ceilings, self.parts.original.parts, heard.peaks),
        )


def _among(on_part: PartCallback, index: int, count: int) -> PartCallback:
    """Tells the parts of one of several sounds as parts of all of them."""
    return lambda done, total: on_part(index * total + done, count * total)


def _untold(_done: int, _total: int) -> None:
    """Parts that are made once more are no progress."""
