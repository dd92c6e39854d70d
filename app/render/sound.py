"""SoundMixer: the sound of a dub, made in parts of which only those that an edit touches are made again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
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
from app.render.measuring import DubMeasuring, MeasuredTrack, PlannedClip
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
# Makes the file that people get of finished sounds, one for each dub.
Finish = Callable[[Sequence[Path]], Awaitable[Path]]


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
class FinishedSound:
    """The file with all the sounds, and what is heard in it: a track for each dub."""

    file: Path
    tracks: tuple[MeasuredTrack, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is spoken in one dub, where, and how the original gives way to it."""

    slots: tuple[Span, ...]
    spoken: tuple[PlannedClip, ...]
    clips: tuple[PlacedClip, ...]
    ducking: Ducking


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
        dubs: Sequence[Sequence[VoiceLine]],
        options: MixOptions,
        codec: SoundCodec,
        folder: Path,
        finish: Finish,
        on_part: PartCallback,
        on_measured: Callable[[float], None] = lambda _: None,
    ) -> FinishedSound:
        """Writes the sound of each of the `dubs` to `folder`, exactly as long as the original, in the codec's
        container, and has them `finish`ed into the file that people get.

        That file is measured, and what is too loud, too quiet or too near full scale in it is mixed once
        more. `on_part` is told how many parts are done, and of how many. Raises `Problem` as
        `FFmpegWrapper.run` does for an original that cannot be decoded.
        """
        plans = [_plan(lines, options) for lines in dubs]
        settled = [await self._settled(original, plan, options, codec) for plan in plans]
        report = on_part
        for attempt in range(1, ATTEMPTS + 1):
            sounds = await self._sounds(original, plans, settled, codec, folder, report)
            file = await finish(sounds)
            heard = await self._measuring.tracks(file, [plan.spoken for plan in plans], on_measured)
            better = [
                _improved(found, original, options, track)
                for found, track in zip(settled, heard, strict=True)
            ]
            if better == settled or attempt == ATTEMPTS:
                break
            settled, report = better, _untold
        return FinishedSound(file, heard)

    async def _sounds(
        self,
        original: OriginalSound,
        plans: Sequence[_Plan],
        settled: Sequence[Settled],
        codec: SoundCodec,
        folder: Path,
        on_part: PartCallback,
    ) -> list[Path]:
        sounds = []
        for index, (plan, found) in enumerate(zip(plans, settled, strict=True)):
            recipes = await asyncio.to_thread(_recipes, original, plan, found, codec)
            told = _among(on_part, index, len(plans))
            files = await self._parts(original, recipes, codec, folder, told)
            sounds.append(folder / f"sound-{index}.{codec.container}")
            await asyncio.to_thread(join_parts, files, original.total, codec, sounds[-1])
        return sounds

    async def _settled(
        self, original: OriginalSound, plan: _Plan, options: MixOptions, codec: SoundCodec
    ) -> Settled:
        """As far as that can be told before it is heard."""

        async def measured(part: Part) -> tuple[Energies, Energies]:
            return (
                await self._original_energies(original, part, codec),
                await self._voice_energies(part, plan.clips),
            )

        parts = _from_both_halves(original.parts)
        energies = dict(zip(parts, await each_of(parts, measured, at_once=PARTS_AT_ONCE), strict=True))
        heard, spoken = (
            np.concatenate(each) for each in zip(*(energies[part] for part in original.parts), strict=True)
        )
        levels = levels_for(heard, spoken, plan.slots, plan.ducking, options.loudness)
        return Settled(levels, (CEILING,) * len(original.parts))

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
            samples = await original.soundtrack.samples(heard.start, heard.end, alone=True)
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


def _plan(lines: Sequence[VoiceLine], options: MixOptions) -> _Plan:
    spoken = tuple(line.spoken for line in lines if line.spoken is not None)
    dubbed = [DubbedLine(line.slot, _span(line.spoken)) for line in lines]
    return _Plan(
        slots=tuple(line.slot for line in lines),
        spoken=spoken,
        clips=tuple(_placed(clip) for clip in spoken),
        ducking=plan_ducking(dubbed, options.original_volume, flat=options.flat),
    )


def _improved(
    settled: Settled, original: OriginalSound, options: MixOptions, heard: MeasuredTrack
) -> Settled:
    """The same if what is heard is as it should be."""
    return Settled(
        corrected(settled.levels, options.loudness, heard.lufs),
        lowered(settled.ceilings, original.parts, heard.peaks),
    )


def _among(on_part: PartCallback, index: int, count: int) -> PartCallback:
    """Tells the parts of one of several sounds as parts of all of them."""
    return lambda done, total: on_part(index * total + done, count * total)


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


def _recipes(original: OriginalSound, plan: _Plan, settled: Settled, codec: SoundCodec) -> list[PartRecipe]:
    return [
        recipe_for(part, codec, plan.clips, plan.ducking, settled.levels, ceiling)
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
