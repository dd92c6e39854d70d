"""SoundMixer: the sound of a dub, made in parts of which only those that an edit touches are made again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from app.core.concurrency import all_of
from app.media.audio import Samples
from app.media.loudness import Energies
from app.media.sound_parts import SAMPLE_RATE, Part, SoundCodec, join_parts
from app.media.soundtrack import Soundtrack
from app.memo import Memo, Unit, digest
from app.render.ducking import DubbedLine, Ducking, Span, plan_ducking
from app.render.mixer import (
    HOP,
    Levels,
    PartRecipe,
    PlacedClip,
    clips_in,
    corrected,
    levels_for,
    mixed_range,
    recipe_for,
    voice_in,
)
from app.render.part_files import encode_to, energies_in, energy_bytes, heard_energies
from app.storage.manager import StorageManager

# 30.4 seconds.
PART_SAMPLES = 1_459_200
PARTS_AT_ONCE = 2
# At the loudness asked for.
ATTEMPTS = 3
METHOD = "2"
"""To be changed when a part would be made or kept differently."""

PartCallback = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class VoiceLine:
    """A line of a dub: its `slot` in seconds and the clip that speaks it, None where the engine failed."""

    slot: Span
    clip: PlacedClip | None


@dataclass(frozen=True, slots=True)
class MixOptions:
    """`original_volume` from 0 to 1 under speech, and between the lines too if `flat`; `loudness` in LUFS,
    None to leave it as it comes."""

    original_volume: float
    flat: bool
    loudness: float | None


@dataclass(frozen=True, slots=True)
class OriginalSound:
    """A video's sound under the `identity` of its file; `total` in samples at 48 kHz, `part` those of a part:
    a multiple of 76 800, which is whole hops of loudness and whole frames of every codec."""

    identity: str
    soundtrack: Soundtrack
    total: int
    part: int = PART_SAMPLES

    @property
    def parts(self) -> tuple[Part, ...]:
        starts = range(0, self.total, self.part)
        return tuple(Part(start, min(self.total, start + self.part), self.total) for start in starts)


class SoundMixer:
    """Mixes and encodes. A part's packets are kept in the memo under all that determines them."""

    def __init__(self, memo: Memo, storage: StorageManager) -> None:
        self._memo = memo
        self._storage = storage

    async def make(
        self,
        original: OriginalSound,
        lines: Sequence[VoiceLine],
        options: MixOptions,
        codec: SoundCodec,
        target: Path,
        on_part: PartCallback,
    ) -> None:
        """Writes the dubbed sound alone, exactly as long as the original, in the codec's container.

        `on_part` is told how many parts are done, and of how many. Raises `Problem` as `FFmpegWrapper.run`
        does for an original that cannot be decoded.
        """
        clips = tuple(line.clip for line in lines if line.clip is not None)
        ducking = plan_ducking(
            [DubbedLine(line.slot, _span(line.clip)) for line in lines],
            options.original_volume,
            flat=options.flat,
        )
        slots = [line.slot for line in lines]
        levels = await self._levels(original, slots, clips, ducking, codec, options.loudness)
        files, report = list[Path](), on_part
        for _ in range(ATTEMPTS):
            recipes = await asyncio.to_thread(_recipes, original, clips, ducking, levels, codec)
            files = await self._parts(original, recipes, codec, target.parent, report)
            heard = await asyncio.to_thread(heard_energies, files, original.parts)
            before, levels = levels, corrected(levels, options.loudness, heard)
            if levels == before:
                break
            report = _untold
        await asyncio.to_thread(join_parts, files, original.total, codec, target)

    async def _levels(
        self,
        original: OriginalSound,
        slots: Sequence[Span],
        clips: Sequence[PlacedClip],
        ducking: Ducking,
        codec: SoundCodec,
        loudness: float | None,
    ) -> Levels:
        turns = asyncio.Semaphore(PARTS_AT_ONCE)

        async def measured(part: Part) -> tuple[Energies, Energies]:
            async with turns:
                return (
                    await self._original_energies(original, part, codec),
                    await self._voice_energies(part, clips),
                )

        energies = await all_of(measured(part) for part in original.parts)
        heard, spoken = (np.concatenate(each) for each in zip(*energies, strict=True))
        return levels_for(heard, spoken, slots, ducking, loudness)

    async def _original_energies(self, original: OriginalSound, part: Part, codec: SoundCodec) -> Energies:
        stream = original.soundtrack.stream_index
        if stream is None:
            return np.zeros((part.end - part.start) // HOP)
        # The stretch that the mix will ask for, so that it is decoded once.
        heard = mixed_range(part, codec)

        async def measure() -> bytes:
            samples = await original.soundtrack.samples(heard.start, heard.end)
            inner = samples[:, part.start - heard.start : part.end - heard.start]
            return await asyncio.to_thread(energy_bytes, inner)

        content = digest((original.identity, stream, asdict(part)))
        return energies_in(await self._memo.recall(Unit("loudness", "bs1770", "original", content), measure))

    async def _voice_energies(self, part: Part, clips: Sequence[PlacedClip]) -> Energies:
        near = clips_in(clips, part)
        if not near:
            return np.zeros((part.end - part.start) // HOP)

        async def measure() -> bytes:
            return await asyncio.to_thread(energy_bytes, await self._voice(part, near))

        content = digest((asdict(part), [asdict(clip) for clip in near]))
        return energies_in(await self._memo.recall(Unit("loudness", "bs1770", "voice", content), measure))

    async def _parts(
        self,
        original: OriginalSound,
        recipes: Sequence[PartRecipe],
        codec: SoundCodec,
        folder: Path,
        on_part: PartCallback,
    ) -> list[Path]:
        turns = asyncio.Semaphore(PARTS_AT_ONCE)
        done = 0

        async def made(recipe: PartRecipe) -> Path:
            nonlocal done
            async with turns:
                path = await self._part(original, recipe, codec, folder)
            done += 1
            on_part(done, len(recipes))
            return path

        on_part(0, len(recipes))
        return await all_of(made(recipe) for recipe in recipes)

    async def _part(
        self, original: OriginalSound, recipe: PartRecipe, codec: SoundCodec, folder: Path
    ) -> Path:
        unit = _unit(original, recipe, codec)

        async def make() -> Path:
            heard = mixed_range(recipe.part, codec)
            samples = await original.soundtrack.samples(heard.start, heard.end)
            voice = await self._voice(heard, recipe.clips)
            made = folder / f"{unit.key}.made"
            await asyncio.to_thread(encode_to, made, samples, voice, recipe, codec)
            return made

        return await self._memo.recall_file(unit, make, folder)

    async def _voice(self, part: Part, clips: Sequence[PlacedClip]) -> Samples:
        files = [(clip, await self._storage.read_bytes(clip.key)) for clip in clips]
        return await asyncio.to_thread(voice_in, part, files)


def _span(clip: PlacedClip | None) -> Span | None:
    return None if clip is None else Span(clip.start / SAMPLE_RATE, clip.end / SAMPLE_RATE)


def _untold(_done: int, _total: int) -> None:
    """Parts that are made once more are no progress."""


def _recipes(
    original: OriginalSound,
    clips: Sequence[PlacedClip],
    ducking: Ducking,
    levels: Levels,
    codec: SoundCodec,
) -> list[PartRecipe]:
    return [recipe_for(part, codec, clips, ducking, levels) for part in original.parts]


def _unit(original: OriginalSound, recipe: PartRecipe, codec: SoundCodec) -> Unit:
    """The original's file decides, not the name it goes by: parts of unlike videos are never alike."""
    material = (original.identity, original.soundtrack.stream_index, asdict(recipe), asdict(codec))
    return Unit("sound", codec.encoder, METHOD, digest(material), (("bit_rate", codec.bit_rate),))
