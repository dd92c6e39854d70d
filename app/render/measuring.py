"""What is really heard in a finished dub, line by line, measured a stretch at a time through the memo."""

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
from pydantic import TypeAdapter

from app.core.concurrency import all_of, seen_through
from app.media.audio import Audio, Samples, read_audio, resample
from app.media.loudness import HOP_SECONDS, SILENT, Energies, gated_loudness, hop_energies
from app.media.onsets import COMPARED_RATE, SEARCH_SECONDS, find_clip
from app.media.packets import PREROLL_SECONDS, AudioPackets, SoundReader
from app.media.true_peak import to_dbtp, true_peak
from app.memo import Memo, Unit, digest
from app.storage.manager import StorageManager

P = ParamSpec("P")
T = TypeVar("T")

# As long as a part of the sound, so that few have to be measured again with it.
STRETCH_SECONDS = 30.4
STRETCHES_AT_ONCE = 2
MARGIN_SECONDS = SEARCH_SECONDS + 0.1
METHOD = "3"
"""To be changed when the same sound would be measured differently."""


@dataclass(frozen=True, slots=True)
class PlannedClip:
    """A spoken line as it was planned: the key of its sound, and its times in seconds."""

    id: int
    clip: str
    start: float
    duration: float

    @property
    def end(self) -> float:
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class HeardLine:
    """A line as it is heard: `onset` and `end` of its speech in seconds after its planned start, None where
    it is not heard. `cut` is whether a part of it is missing, `loudness` that of all sound meanwhile, in
    LUFS."""

    id: int
    onset: float | None
    end: float | None
    cut: bool
    loudness: float | None


@dataclass(frozen=True, slots=True)
class Peak:
    """The true peak between `start` and `end` (seconds); a `height` of 1 is full scale."""

    start: float
    end: float
    height: float


@dataclass(frozen=True, slots=True)
class MeasuredTrack:
    """An audio track of a dub. `end` in seconds, `lufs` integrated, -inf for silence; the `peaks` of
    consecutive stretches."""

    end: float
    lufs: float
    peaks: tuple[Peak, ...]
    lines: tuple[HeardLine, ...]

    @property
    def true_peak(self) -> float:
        """Of the whole track in dBTP, -inf for silence."""
        return to_dbtp(max((peak.height for peak in self.peaks), default=0.0))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of the track that is measured by itself, with the lines whose middle is in it. `first` to `last`
    is what has to be heard for that. All in seconds."""

    start: float
    end: float
    first: float
    last: float
    lines: tuple[PlannedClip, ...]

    def after(self, begins: float) -> "_Stretch":
        """The same on a clock that begins later."""
        lines = tuple(replace(line, start=line.start - begins) for line in self.lines)
        start, end, first, last = (time - begins for time in (self.start, self.end, self.first, self.last))
        return _Stretch(start, end, first, last, lines)


@dataclass(frozen=True, slots=True)
class _MeasuredStretch:
    """`energies` of its hops; `peak` is linear."""

    energies: tuple[float, ...]
    peak: float
    lines: tuple[HeardLine, ...]


_MEASURED = TypeAdapter(_MeasuredStretch)


@dataclass(frozen=True, slots=True)
class DubMeasuring:
    """Measures finished dubs; what was measured before in the same packets is remembered."""

    memo: Memo
    storage: StorageManager

    async def tracks(
        self,
        dub: Path,
        lines: Sequence[Sequence[PlannedClip]],
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> tuple[MeasuredTrack, ...]:
        """The first audio tracks of the file, one for each sequence of lines that was placed in it."""
        with await _whole(SoundReader, dub) as reader:
            packets = await _whole(reader.packets)
            measured = []
            for index, (track, placed) in enumerate(zip(packets, lines, strict=False)):
                share = _share(on_progress, index, len(lines))
                measured.append(await self._track(reader, index, track, placed, share))
            return tuple(measured)

    async def stretch(self, sound: Path, begins: float, number: int, lines: Sequence[PlannedClip]) -> None:
        """Measures one stretch but the last of a track that is not whole yet, for `tracks` to remember: the
        file is the `sound` around it, which begins at so many seconds of the track."""
        whole = _stretches((number + 2) * STRETCH_SECONDS, lines)
        stretch = next(islice(whole, number, None)).after(begins)
        with await _whole(SoundReader, sound) as reader:
            (packets,) = await _whole(reader.packets)
            if (not begins or stretch.first >= PREROLL_SECONDS) and stretch.last <= packets.end:
                await self._stretch(reader, asyncio.Lock(), 0, packets, stretch)

    async def _track(
        self,
        reader: SoundReader,
        index: int,
        packets: AudioPackets,
        lines: Sequence[PlannedClip],
        on_progress: Callable[[float], None],
    ) -> MeasuredTrack:
        turns, reading, done = asyncio.Semaphore(STRETCHES_AT_ONCE), asyncio.Lock(), 0.0

        async def measured(stretch: _Stretch) -> _MeasuredStretch:
            nonlocal done
            async with turns:
                found = await self._stretch(reader, reading, index, packets, stretch)
            done += stretch.end - stretch.start
            on_progress(min(1.0, done / packets.end))
            return found

        stretches = tuple(_stretches(packets.end, lines))
        found = await all_of(measured(stretch) for stretch in stretches)
        return MeasuredTrack(
            end=packets.end,
            lufs=gated_loudness(np.array([energy for each in found for energy in each.energies])),
            peaks=tuple(
                Peak(stretch.start, stretch.end, each.peak)
                for stretch, each in zip(stretches, found, strict=True)
            ),
            lines=tuple(line for each in found for line in each.lines),
        )

    async def _stretch(
        self,
        reader: SoundReader,
        reading: asyncio.Lock,
        index: int,
        packets: AudioPackets,
        stretch: _Stretch,
    ) -> _MeasuredStretch:
        async def measure() -> bytes:
            clips = {line.clip: await self.storage.read_bytes(line.clip) for line in stretch.lines}
            async with reading:
                sound = await _whole(reader.read, index, stretch.first, stretch.last)
            rate = reader.sample_rate(index)
            return _MEASURED.dump_json(await asyncio.to_thread(_measure, sound, rate, stretch, clips))

        return _MEASURED.validate_json(await self.memo.recall(_unit(packets, stretch), measure))


async def _whole(read: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """In a thread and to its end: a file must not be closed while one reads it."""
    return await seen_through(asyncio.to_thread(read, *arguments, **named))


def _unit(packets: AudioPackets, stretch: _Stretch) -> Unit:
    """By the sound and by what should be in it, wherever in the file."""
    lines = [
        (line.id, line.clip, round(line.start - stretch.start, 6), round(line.duration, 6))
        for line in stretch.lines
    ]
    span = (round(stretch.end - stretch.start, 6), round(stretch.first - stretch.start, 6))
    sound = packets.fingerprint(stretch.first, stretch.last)
    return Unit("measure", "numpy", METHOD, digest([sound, span, lines]))


def _stretches(duration: float, lines: Sequence[PlannedClip]) -> Iterator[_Stretch]:
    """Consecutive stretches over the whole track, each line in one of them."""
    count = max(1, math.ceil(duration / STRETCH_SECONDS))
    own: list[list[PlannedClip]] = [[] for _ in range(count)]
    for line in lines:
        middle = (line.start + line.end) / 2
        own[min(count - 1, int(middle / STRETCH_SECONDS))].append(line)
    for number, mine in enumerate(own):
        start, end = number * STRETCH_SECONDS, min(duration, (number + 1) * STRETCH_SECONDS)
        before = max([0.0, *(start - line.start + MARGIN_SECONDS for line in mine)])
        last = max([end, *(line.end + MARGIN_SECONDS for line in mine)])
        # Whole hops before it, so that the hops of what is heard are those of the stretch.
        first = max(0.0, start - math.ceil(before / HOP_SECONDS) * HOP_SECONDS)
        yield _Stretch(start, end, first, last, tuple(mine))


def _measure(sound: Samples, rate: int, stretch: _Stretch, clips: Mapping[str, bytes]) -> _MeasuredStretch:
    """`sound` is what is to be heard for the stretch."""
    energies = hop_energies(sound, rate)
    before, length = stretch.start - stretch.first, stretch.end - stretch.start
    hops = slice(round(before / HOP_SECONDS), round(before / HOP_SECONDS) + _whole_hops(length))
    inside = sound[:, round(before * rate) : round((before + length) * rate)]
    compared = resample(Audio(_in_mono(sound), rate), COMPARED_RATE)
    return _MeasuredStretch(
        energies=tuple(float(f"{energy:.5g}") for energy in energies[hops]),
        peak=round(true_peak(inside), 6),
        lines=tuple(
            _heard(line, read_audio(clips[line.clip]), energies, compared, stretch.first)
            for line in stretch.lines
        ),
    )


def _in_mono(sound: Samples) -> Samples:
    mono: Samples = sound[0].copy()
    for channel in sound[1:]:
        mono += channel
    mono /= len(sound)
    return mono


def _whole_hops(seconds: float) -> int:
    return int(seconds / HOP_SECONDS + 1e-6)


def _heard(line: PlannedClip, clip: Audio, energies: Energies, compared: Audio, first: float) -> HeardLine:
    """`energies` by hops and the sound that is `compared` start at `first`."""
    found = find_clip(compared, clip, line.start - first)
    if found is None:
        return HeardLine(line.id, None, None, cut=False, loudness=None)
    speech = found.speech
    loud = gated_loudness(_between(energies, found.start + speech.start, found.start + speech.end))
    late = found.start + first - line.start
    return HeardLine(
        id=line.id,
        onset=round(late + speech.start, 4),
        end=round(late + speech.end, 4),
        cut=found.cut,
        loudness=None if loud == SILENT else round(loud, 2),
    )


def _between(energies: Energies, start: float, end: float) -> Energies:
    """The hops whose middle is between two times in seconds, at least one."""
    first = max(0, round(start / HOP_SECONDS))
    return energies[first : max(first + 1, round(end / HOP_SECONDS))]


def _share(on_progress: Callable[[float], None], index: int, count: int) -> Callable[[float], None]:
    """For one of several equal parts of the whole."""
    return lambda fraction: on_progress((index + fraction) / count)
