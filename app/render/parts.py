"""The parts of a dub's sound: how loud each is, and its packets, made once and then remembered."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from app.core.sharing import each_of
from app.media.audio import Samples
from app.media.ffmpeg import FFmpegWrapper
from app.media.loudness import Energies
from app.media.sound_parts import SAMPLE_RATE, Part, SoundCodec, encode_part
from app.media.soundtrack import Soundtrack
from app.memo import Memo, Unit, digest
from app.render.ducking import DubbedLine, Ducking, Span, plan_ducking
from app.render.measuring import PlannedClip
from app.render.mixer import (
    HOP,
    PartRecipe,
    PlacedClip,
    clips_in,
    mix,
    mixed_range,
    original_energies,
    voice_energies,
    voice_in,
)
from app.render.schemas import DubOptions
from app.storage.manager import StorageManager
from app.videos.service import SourceFile

# 30.4 seconds.
PART_SAMPLES = 1_459_200
PARTS_AT_ONCE = 2
METHOD = "3"
"""To be changed when a part would be made or kept differently."""
# A clip may be longer than it was planned by what rounding to samples adds.
ROUNDING_SAMPLES = 48
_ENERGY = np.dtype("<f4")


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
class SoundPlan:
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


@dataclass(frozen=True, slots=True)
class SoundParts:
    """Those of one dub of an original. What was worked out or encoded of a part is kept in the memo under all
    that determines it; files go to `folder`. All raise `Problem` as `FFmpegWrapper.run` does for an original
    that cannot be decoded."""

    memo: Memo
    storage: StorageManager
    original: OriginalSound
    codec: SoundCodec
    folder: Path

    async def heard(self, at_once: int = PARTS_AT_ONCE) -> Energies:
        """Of all that the video has, shape (hops,)."""
        parts = _from_both_halves(self.original.parts)
        found = await each_of(parts, self._heard_in, at_once=at_once)
        energies = dict(zip(parts, found, strict=True))
        return np.concatenate([energies[part] for part in self.original.parts])

    async def spoken(self, clips: Sequence[PlacedClip], parts: Sequence[Part] | None = None) -> Energies:
        """Of the clips on the whole clock, shape (hops,); silence but for some `parts` if those are given."""

        async def spoken_in(part: Part) -> Energies:
            if parts is not None and part not in parts:
                return _silence(part)
            return await self.spoken_in(part, clips)

        return np.concatenate(await each_of(self.original.parts, spoken_in, at_once=PARTS_AT_ONCE))

    async def _heard_in(self, part: Part) -> Energies:
        stream = self.original.soundtrack.stream_index
        if stream is None:
            return _silence(part)
        # The stretch that the mix will ask for, so that it is decoded once.
        heard = mixed_range(part, self.codec)

        async def measure() -> bytes:
            samples = await self.original.soundtrack.samples(heard.start, heard.end)
            inner = samples[:, part.start - heard.start : part.end - heard.start]
            return _to_bytes(await asyncio.to_thread(original_energies, inner))

        content = digest((self.original.identity, stream, asdict(part)))
        return _from_bytes(await self.memo.recall(Unit("loudness", "bs1770", "original", content), measure))

    async def spoken_in(self, part: Part, clips: Sequence[PlacedClip]) -> Energies:
        """Of those of the clips that are heard in one part."""
        near = clips_in(clips, part)
        if not near:
            return _silence(part)

        async def measure() -> bytes:
            return _to_bytes(await asyncio.to_thread(voice_energies, part, await self._files(near)))

        content = digest((asdict(part), [asdict(clip) for clip in near]))
        return _from_bytes(await self.memo.recall(Unit("loudness", "bs1770", "voice", content), measure))

    async def encoded(self, recipe: PartRecipe) -> Path:
        """A file with its packets, for `join_parts`."""
        unit = _unit(self.original, recipe, self.codec)

        async def make() -> Path:
            heard = mixed_range(recipe.part, self.codec)
            samples = await self.original.soundtrack.samples(heard.start, heard.end, alone=True)
            files = await self._files(recipe.clips)
            made = self.folder / f"{unit.key}.made"
            await asyncio.to_thread(_encode, made, samples, files, recipe, self.codec)
            return made

        return await self.memo.recall_file(unit, make, self.folder)

    async def _files(self, clips: Sequence[PlacedClip]) -> list[tuple[PlacedClip, bytes]]:
        return [(clip, await self.storage.read_bytes(clip.key)) for clip in clips]


def original_sound(ffmpeg: FFmpegWrapper, source: SourceFile, folder: Path) -> OriginalSound:
    """What is decoded of it goes to `folder`."""
    soundtrack = Soundtrack(ffmpeg, source.path, source.info, folder)
    return OriginalSound(source.key, soundtrack, round(source.info.duration * SAMPLE_RATE))


def mix_options(options: DubOptions) -> MixOptions:
    return MixOptions(options.original_audio_volume, options.ducking == "off", options.loudness)


def plan_sound(lines: Sequence[VoiceLine], options: MixOptions) -> SoundPlan:
    spoken = tuple(line.spoken for line in lines if line.spoken is not None)
    dubbed = [DubbedLine(line.slot, _span(line.spoken)) for line in lines]
    return SoundPlan(
        slots=tuple(line.slot for line in lines),
        spoken=spoken,
        clips=tuple(_placed(clip) for clip in spoken),
        ducking=plan_ducking(dubbed, options.original_volume, flat=options.flat),
    )


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


def _from_both_halves(parts: Sequence[Part]) -> list[Part]:
    """In turn, so that two parts at once seldom wait for the same stretch of the original to be decoded."""
    middle = -(-len(parts) // 2)
    return [part for pair in zip_longest(parts[:middle], parts[middle:]) for part in pair if part is not None]


def _silence(part: Part) -> Energies:
    return np.zeros((part.end - part.start) // HOP)


def _to_bytes(energies: Energies) -> bytes:
    return energies.astype(_ENERGY).tobytes()


def _from_bytes(measured: bytes) -> Energies:
    return np.frombuffer(measured, _ENERGY).astype(np.float64)


def _unit(original: OriginalSound, recipe: PartRecipe, codec: SoundCodec) -> Unit:
    """The original's file decides, not the name it goes by: parts of unlike videos are never alike."""
    material = (original.identity, original.soundtrack.stream_index, asdict(recipe), asdict(codec))
    return Unit("sound", codec.encoder, METHOD, digest(material), (("bit_rate", codec.bit_rate),))
