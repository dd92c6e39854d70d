"""SoundMixer: the sound of a dub, made in parts of which only those that an edit touches are made again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from app.core.sharing import each_of
from app.media.audio import Samples
from app.media.loudness import Energies
from app.media.sound_parts import SAMPLE_RATE, Part, SoundCodec, encode_part, join_parts
from app.media.soundtrack import Soundtrack
from app.memo import Memo, Unit, digest
from app.render.ducking import DubbedLine, Ducking, Span, plan_ducking
from app.render.measuring import DubMeasuring, PlannedClip
from app.render.mixer import (
    CEILING,
    HOP,
    Levels,
    PartRecipe,
    PlacedClip,
    clips_in,
    corrected,
    levels_for,
    lowered,
    mix,
    mixed_range,
    original_energies,
    recipe_for,
    voice_energies,
    voice_in,
)
from app.storage.manager import StorageManager

# 30.4 seconds.
PART_SAMPLES = 1_459_200
PARTS_AT_ONCE = 2
# At the loudness asked for, and below the highest peak.
ATTEMPTS = 4
METHOD = "3"
"""To be changed when a part would be made or kept differently."""
# A clip may be longer than it was planned by what rounding to samples adds.
ROUNDING_SAMPLES = 48
_ENERGY = np.dtype("<f4")

PartCallback = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class VoiceLine:
    """A line of a dub: its `slot` in seconds and what speaks it, None where the engine failed."""

    slot: Span
    spoken: PlannedClip | None


@dataclass(frozen=True, slots=True)
class MixOptions:
    """`original_volume` from 0 to 1 under speech, and between the lines too if `flat`; `loudness` in LUFS,
    None to leave it as it comes."""

    original_volume: float
    flat: bool
    loudness: float | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What is settled only once a mix is heard: its levels, and the ceiling of each part."""

    levels: Levels
    ceilings: tuple[float, ...]


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
        self._measuring = DubMeasuring(memo, storage)

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

        The file is measured, and what is too loud, too quiet or too near full scale is made once more.
        `on_part` is told how many parts are done, and of how many. Raises `Problem` as `FFmpegWrapper.run`
        does for an original that cannot be decoded.
        """
        spoken = [line.spoken for line in lines if line.spoken is not None]
        clips = [_placed(clip) for clip in spoken]
        ducking = plan_ducking(
            [DubbedLine(line.slot, _span(line.spoken)) for line in lines],
            options.original_volume,
            flat=options.flat,
        )
        slots = [line.slot for line in lines]
        levels = await self._levels(original, slots, clips, ducking, codec, options.loudness)
        settled, report = Settled(levels, (CEILING,) * len(original.parts)), on_part
        for attempt in range(1, ATTEMPTS + 1):
            recipes = await asyncio.to_thread(_recipes, original, clips, ducking, settled, codec)
            files = await self._parts(original, recipes, codec, target.parent, report)
            await asyncio.to_thread(join_parts, files, original.total, codec, target)
            if attempt == ATTEMPTS:
                return
            better = await self._improved(settled, original, spoken, options, target)
            if better == settled:
                return
            settled, report = better, _untold

    async def _improved(
        self,
        settled: Settled,
        original: OriginalSound,
        spoken: Sequence[PlannedClip],
        options: MixOptions,
        mixed: Path,
    ) -> Settled:
        """The same if the finished mix is as it should be."""
        (heard,) = await self._measuring.tracks(mixed, [spoken])
        return Settled(
            corrected(settled.levels, options.loudness, heard.lufs),
            lowered(settled.ceilings, original.parts, heard.peaks),
        )

    async def _levels(
        self,
        original: OriginalSound,
        slots: Sequence[Span],
        clips: Sequence[PlacedClip],
        ducking: Ducking,
        codec: SoundCodec,
        loudness: float | None,
    ) -> Levels:
        async def measured(part: Part) -> tuple[Energies, Energies]:
            return (
                await self._original_energies(original, part, codec),
                await self._voice_energies(part, clips),
            )

        parts = _from_both_halves(original.parts)
        energies = dict(zip(parts, await each_of(parts, measured, at_once=PARTS_AT_ONCE), strict=True))
        heard, spoken = (
            np.concatenate(each) for each in zip(*(energies[part] for part in original.parts), strict=True)
        )
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
            return _to_bytes(await asyncio.to_thread(original_energies, inner))

        content = digest((original.identity, stream, asdict(part)))
        return _from_bytes(await self._memo.recall(Unit("loudness", "bs1770", "original", content), measure))

    async def _voice_energies(self, part: Part, clips: Sequence[PlacedClip]) -> Energies:
        near = clips_in(clips, part)
        if not near:
            return np.zeros((part.end - part.start) // HOP)

        async def measure() -> bytes:
            return _to_bytes(await asyncio.to_thread(voice_energies, part, await self._files(near)))

        content = digest((asdict(part), [asdict(clip) for clip in near]))
        return _from_bytes(await self._memo.recall(Unit("loudness", "bs1770", "voice", content), measure))

    async def _parts(
        self,
        original: OriginalSound,
        recipes: Sequence[PartRecipe],
        codec: SoundCodec,
        folder: Path,
        on_part: PartCallback,
    ) -> list[Path]:
        done = 0

        async def made(recipe: PartRecipe) -> Path:
            nonlocal done
            path = await self._part(original, recipe, codec, folder)
            done += 1
            on_part(done, len(recipes))
            return path

        on_part(0, len(recipes))
        return await each_of(recipes, made, at_once=PARTS_AT_ONCE)

    async def _part(
        self, original: OriginalSound, recipe: PartRecipe, codec: SoundCodec, folder: Path
    ) -> Path:
        unit = _unit(original, recipe, codec)

        async def make() -> Path:
            heard = mixed_range(recipe.part, codec)
            samples = await original.soundtrack.samples(heard.start, heard.end)
            files = await self._files(recipe.clips)
            made = folder / f"{unit.key}.made"
            await asyncio.to_thread(_encode, made, samples, files, recipe, codec)
            return made

        return await self._memo.recall_file(unit, make, folder)

    async def _files(self, clips: Sequence[PlacedClip]) -> list[tuple[PlacedClip, bytes]]:
        return [(clip, await self._storage.read_bytes(clip.key)) for clip in clips]


def _from_both_halves(parts: Sequence[Part]) -> list[Part]:
    """In turn, so that two parts at once seldom wait for the same stretch of the original to be decoded."""
    middle = -(-len(parts) // 2)
    return [part for pair in zip_longest(parts[:middle], parts[middle:]) for part in pair if part is not None]


def _placed(clip: PlannedClip) -> PlacedClip:
    start = round(clip.start * SAMPLE_RATE)
    return PlacedClip(clip.clip, start, start + round(clip.duration * SAMPLE_RATE) + ROUNDING_SAMPLES)


def _span(clip: PlannedClip | None) -> Span | None:
    return None if clip is None else Span(clip.start, clip.end)


def _encode(
    path: Path,
    original: Samples,
    files: Sequence[tuple[PlacedClip, bytes]],
    recipe: PartRecipe,
    codec: SoundCodec,
) -> None:
    voice = voice_in(mixed_range(recipe.part, codec), files)
    path.write_bytes(encode_part(mix(original, voice, recipe, codec), recipe.part, codec))


def _untold(_done: int, _total: int) -> None:
    """Parts that are made once more are no progress."""


def _recipes(
    original: OriginalSound,
    clips: Sequence[PlacedClip],
    ducking: Ducking,
    settled: Settled,
    codec: SoundCodec,
) -> list[PartRecipe]:
    return [
        recipe_for(part, codec, clips, ducking, settled.levels, ceiling)
        for part, ceiling in zip(original.parts, settled.ceilings, strict=True)
    ]


def _to_bytes(energies: Energies) -> bytes:
    return energies.astype(_ENERGY).tobytes()


def _from_bytes(measured: bytes) -> Energies:
    return np.frombuffer(measured, _ENERGY).astype(np.float64)


def _unit(original: OriginalSound, recipe: PartRecipe, codec: SoundCodec) -> Unit:
    """The original's file decides, not the name it goes by: parts of unlike videos are never alike."""
    material = (original.identity, original.soundtrack.stream_index, asdict(recipe), asdict(codec))
    return Unit("sound", codec.encoder, METHOD, digest(material), (("bit_rate", codec.bit_rate),))
