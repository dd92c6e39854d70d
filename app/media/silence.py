"""How loud a recording is, where nobody speaks, and where to cut it into clips that an engine takes."""

import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.media.audio import Samples

FRAME_SECONDS = 0.02
BLOCK_SECONDS = 60
SHORTEST_CLIP_SECONDS = 0.1
LOUD_PERCENTILE = 95.0
FLOOR_PERCENTILE = 5.0
ABOVE_FLOOR_DB = 12.0
BELOW_SPEECH_DB = (40.0, 22.0)
QUIETEST_DB = -60.0
CLICK_FRAMES = 3


@dataclass(frozen=True, slots=True)
class Levels:
    """`frames` is the RMS of each `FRAME_SECONDS` in dB of full scale; below `quiet_below` nobody speaks."""

    frames: Samples
    quiet_below: float

    @property
    def duration(self) -> float:
        """Seconds of sound there are, which can end before the picture does."""
        return len(self.frames) * FRAME_SECONDS

    def between(self, start: float, end: float) -> Samples:
        """The frames that lie in a stretch, at least one inside the recording; `start`, `end` in seconds."""
        first = max(0, min(round(start / FRAME_SECONDS), len(self.frames) - 1))
        return self.frames[first : max(round(end / FRAME_SECONDS), first + 1)]


@dataclass(frozen=True, slots=True)
class Silence:
    """A pause; `start` and `end` in seconds."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


@dataclass(frozen=True, slots=True)
class Clip:
    """A part of a recording; `start` and `end` in seconds."""

    start: float
    end: float


def read_levels(path: Path) -> Levels:
    """Of a 16-bit mono wav file: 0.7 MB per hour, never all the samples. Blocking."""
    frames = np.concatenate([np.zeros(0, np.float32), *_levels_db(path)])
    return Levels(frames, _threshold(frames) if len(frames) else QUIETEST_DB)


def find_silences(levels: Levels, *, minimum: float = 0.3) -> tuple[Silence, ...]:
    """The pauses of at least `minimum` seconds, in order. A click does not end a pause."""
    loud = _without_clicks(levels.frames >= levels.quiet_below)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], ~loud, [False]))))
    spans = edges.reshape(-1, 2)
    long_enough = spans[spans[:, 1] - spans[:, 0] >= round(minimum / FRAME_SECONDS)]
    return tuple(Silence(float(start), float(end)) for start, end in long_enough * FRAME_SECONDS)


def plan_clips(duration: float, silences: Sequence[Silence], max_seconds: float) -> tuple[Clip, ...]:
    """Clips of at most `max_seconds` that cover the sound, in order and without overlap.

    Each cut is in the middle of the longest pause in the second half of what a clip may hold, or of the
    last one before it, or at the limit where nobody pauses. Clips that are silent throughout are left out,
    and what is too short for any engine to hear.
    """
    cuts = [0.0]
    while duration - cuts[-1] > max_seconds:
        cuts.append(_next_cut(cuts[-1], silences, max_seconds))
    spans = zip(cuts, [*cuts[1:], duration], strict=True)
    return tuple(
        Clip(start, end)
        for start, end in spans
        if end - start >= SHORTEST_CLIP_SECONDS and not _silent(start, end, silences)
    )


def _next_cut(start: float, silences: Sequence[Silence], max_seconds: float) -> float:
    limit = start + max_seconds
    pauses = [pause for pause in silences if start < pause.middle <= limit]
    late = [pause for pause in pauses if pause.middle > start + max_seconds / 2]
    if late:
        return max(late, key=lambda pause: pause.length).middle
    return pauses[-1].middle if pauses else limit


def _silent(start: float, end: float, silences: Sequence[Silence]) -> bool:
    return any(pause.start <= start and end <= pause.end for pause in silences)


def _threshold(frames: Samples) -> float:
    """Above the room's noise, but well below the loud parts: a quiet recording is not silent throughout."""
    loud, floor = (float(np.percentile(frames, share)) for share in (LOUD_PERCENTILE, FLOOR_PERCENTILE))
    lowest, highest = (loud - below for below in BELOW_SPEECH_DB)
    return max(QUIETEST_DB, min(max(floor + ABOVE_FLOOR_DB, lowest), highest))


def _without_clicks(loud: NDArray[np.bool_]) -> NDArray[np.bool_]:
    kept = loud.copy()
    runs = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])))).reshape(-1, 2)
    for start, end in runs[runs[:, 1] - runs[:, 0] < CLICK_FRAMES]:
        kept[start:end] = False
    return kept


def _levels_db(path: Path) -> Iterator[Samples]:
    """The RMS of each frame in dB of full scale, a block of the file at a time."""
    with wave.open(str(path), "rb") as file:
        frame = round(FRAME_SECONDS * file.getframerate())
        frames_per_block = round(BLOCK_SECONDS / FRAME_SECONDS) * frame
        while data := file.readframes(frames_per_block):
            samples = np.frombuffer(data, "<i2").astype(np.float32) / 32768.0
            padded = np.pad(samples, (0, -len(samples) % frame)).reshape(-1, frame)
            power = np.mean(np.square(padded), axis=1)
            yield 10.0 * np.log10(np.maximum(power, np.float32(1e-10)))
