"""What is really heard in a finished dub, line by line, measured a stretch at a time through the memo."""

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from app.media.audio import Audio, Samples, read_audio, resample
from app.media.loudness import SILENT, gated_loudness, hop_energies, loudness
from app.media.onsets import COMPARED_RATE, SEARCH_SECONDS, audible_span, find_clip
from app.media.packets import AudioPackets, SoundReader
from app.media.true_peak import to_dbtp, true_peak
from app.memo import Memo, Unit, digest
from app.storage.manager import StorageManager

STRETCH_SECONDS = 30
MARGIN_SECONDS = SEARCH_SECONDS + 0.1
METHOD = "1"
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
class MeasuredTrack:
    """An audio track of a dub. `end` in seconds, `lufs` integrated, `true_peak` in dBTP; -inf for silence."""

    end: float
    lufs: float
    true_peak: float
    lines: tuple[HeardLine, ...]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of the track that is measured by itself, with the lines whose middle is in it. `first` to `last`
    is what has to be heard for that. All in seconds."""

    start: float
    end: float
    first: float
    last: float
    lines: tuple[PlannedClip, ...]


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
        self, dub: Path, lines: Sequence[Sequence[PlannedClip]], on_progress: Callable[[float], None]
    ) -> tuple[MeasuredTrack, ...]:
        """The first audio tracks of the file, one for each sequence of lines that was placed in it."""
        with await asyncio.to_thread(SoundReader, dub) as reader:
            packets = await asyncio.to_thread(reader.packets)
            measured = []
            for index, (track, placed) in enumerate(zip(packets, lines, strict=False)):
                share = _share(on_progress, index, len(lines))
                measured.append(await self._track(reader, index, track, placed, share))
            return tuple(measured)

    async def _track(
        self,
        reader: SoundReader,
        index: int,
        packets: AudioPackets,
        lines: Sequence[PlannedClip],
        on_progress: Callable[[float], None],
    ) -> MeasuredTrack:
        stretches = []
        for stretch in _stretches(packets.end, lines):
            stretches.append(await self._stretch(reader, index, packets, stretch))
            on_progress(stretch.end / packets.end)
        energies = np.array([energy for stretch in stretches for energy in stretch.energies])
        return MeasuredTrack(
            end=packets.end,
            lufs=gated_loudness(energies),
            true_peak=to_dbtp(max((stretch.peak for stretch in stretches), default=0.0)),
            lines=tuple(line for stretch in stretches for line in stretch.lines),
        )

    async def _stretch(
        self, reader: SoundReader, index: int, packets: AudioPackets, stretch: _Stretch
    ) -> _MeasuredStretch:
        async def measure() -> bytes:
            clips = {line.clip: await self.storage.read_bytes(line.clip) for line in stretch.lines}
            measured = await asyncio.to_thread(_measure, reader, index, stretch, clips)
            return _MEASURED.dump_json(measured)

        return _MEASURED.validate_json(await self.memo.recall(_unit(packets, stretch), measure))


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
        start, end = float(number * STRETCH_SECONDS), min(duration, (number + 1.0) * STRETCH_SECONDS)
        first = min([start, *(line.start - MARGIN_SECONDS for line in mine)])
        last = max([end, *(line.end + MARGIN_SECONDS for line in mine)])
        yield _Stretch(start, end, max(0.0, first), last, tuple(mine))


def _measure(
    reader: SoundReader, index: int, stretch: _Stretch, clips: Mapping[str, bytes]
) -> _MeasuredStretch:
    rate = reader.sample_rate(index)
    sound = reader.read(index, stretch.first, stretch.last)
    inside = _part(sound, rate, stretch.start - stretch.first, stretch.end - stretch.first)
    compared = resample(Audio(np.mean(sound, axis=0), rate), COMPARED_RATE)
    return _MeasuredStretch(
        energies=tuple(float(f"{energy:.5g}") for energy in hop_energies(inside, rate)),
        peak=round(true_peak(inside), 6),
        lines=tuple(
            _heard(line, read_audio(clips[line.clip]), sound, rate, compared, stretch.first)
            for line in stretch.lines
        ),
    )


def _heard(
    line: PlannedClip, clip: Audio, sound: Samples, rate: int, compared: Audio, first: float
) -> HeardLine:
    """`sound` and the same `compared` start at `first`."""
    speech = audible_span(clip)
    found = find_clip(compared, clip, line.start - first)
    if speech is None or found is None:
        return HeardLine(line.id, None, None, cut=False, loudness=None)
    spoken = _part(sound, rate, found.start + speech.start, found.start + speech.end)
    loud = loudness(spoken, rate)
    late = found.start + first - line.start
    return HeardLine(
        id=line.id,
        onset=round(late + speech.start, 4),
        end=round(late + speech.end, 4),
        cut=found.cut,
        loudness=None if loud == SILENT else round(loud, 2),
    )


def _part(sound: Samples, rate: int, start: float, end: float) -> Samples:
    return sound[:, max(0, round(start * rate)) : max(0, round(end * rate))]


def _share(on_progress: Callable[[float], None], index: int, count: int) -> Callable[[float], None]:
    """For one of several equal parts of the whole."""
    return lambda fraction: on_progress((index + fraction) / count)
