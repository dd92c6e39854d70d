"""Where nobody speaks, and where to cut a recording into clips that an engine takes."""

import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.media.audio import Samples

FRAME_SECONDS = 0.02
BLOCK_SECONDS = 60
LOUD_PERCENTILE = 95.0
BELOW_SPEECH_DB = 30.0
QUIETEST_DB = -60.0


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


def find_silences(
    path: Path, *, minimum: float = 0.3, threshold_db: float | None = None
) -> tuple[Silence, ...]:
    """The pauses of at least `minimum` seconds in a 16-bit mono wav file.

    Silence is below `threshold_db` of full scale; by default 30 dB below the loud parts of the recording,
    so that a quiet one is not silent throughout. It keeps 0.7 MB of levels per hour, not the samples.
    """
    levels = np.concatenate([np.zeros(0, np.float32), *_levels_db(path)])
    if not len(levels):
        return ()
    quiet = levels < (_threshold(levels) if threshold_db is None else threshold_db)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False]))))
    spans = zip(edges[::2] * FRAME_SECONDS, edges[1::2] * FRAME_SECONDS, strict=True)
    return tuple(Silence(float(start), float(end)) for start, end in spans if end - start >= minimum)


def plan_clips(duration: float, silences: Sequence[Silence], max_seconds: float) -> tuple[Clip, ...]:
    """Clips of at most `max_seconds` that cover the sound, in order and without overlap.

    Each cut is in the middle of the longest pause in the second half of what a clip may hold, or of the
    last one before it, or at the limit where nobody pauses. Clips that are silent throughout are left out.
    """
    cuts = [0.0]
    while duration - cuts[-1] > max_seconds:
        cuts.append(_next_cut(cuts[-1], silences, max_seconds))
    spans = zip(cuts, [*cuts[1:], duration], strict=True)
    return tuple(
        Clip(start, end) for start, end in spans if end > start and not _silent(start, end, silences)
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


def _threshold(levels: Samples) -> float:
    return max(QUIETEST_DB, float(np.percentile(levels, LOUD_PERCENTILE)) - BELOW_SPEECH_DB)


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
