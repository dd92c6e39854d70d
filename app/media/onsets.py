"""Where a known clip of speech is heard in a finished mix, and whether all of it is. Blocking."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.media.audio import Audio, Samples, resample

COMPARED_RATE = 8_000
SEARCH_SECONDS = 0.5
AUDIBLE_DB = -35.0
INAUDIBLE_DBFS = -60.0
HEARD_CORRELATION = 0.35
_FLUX_SECONDS = 0.005
_FLUX_STEP = COMPARED_RATE // 1000
_FLUX_WEIGHT = 0.05
# The same tone or word may be near by a second time: of equals the one in its place is meant.
_DISTANCE_WEIGHT = 0.05
_ENVELOPE_SECONDS = 0.005
_ENVELOPE_STEP_SECONDS = 0.0005
# What an end is judged by: the clearly audible sound in its last moments.
_EDGE_DB = -25.0
_EDGES_SECONDS = (0.06, 0.15)
_MISSING_GAIN = 0.5
_INDEPENDENT_PER_SECOND = 500.0

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end`, in seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Heard:
    """Where a clip is in a mix. `start` is where its first sample is, in seconds of the mix, `speech` from
    its first to its last sound, to the millisecond: what is less than 35 dB below its loud parts.
    `correlation` from 0 to 1 is how alike the two are there, `cut` whether its first or last sounds are
    missing."""

    start: float
    speech: Span
    correlation: float
    cut: bool


@dataclass(frozen=True, slots=True)
class _Envelope:
    """The level around a clip's samples, one every `step` seconds, and what its loud parts have."""

    level: Samples
    step: float
    loud: float

    def span_above(self, below_loud_db: float) -> Span | None:
        threshold = max(self.loud * 10 ** (below_loud_db / 20), 10 ** (INAUDIBLE_DBFS / 20))
        loud = np.flatnonzero(self.level > threshold)
        if not len(loud):
            return None
        return Span(int(loud[0]) * self.step, (int(loud[-1]) + 1) * self.step)


def find_clip(mix: Audio, clip: Audio, expected: float) -> Heard | None:
    """The clip within half a second of `expected` (seconds of the mix), or None if it is not heard there.

    Both are mono at any rate; the mix may be louder or quieter and hold other sound. The waveforms say where
    the two agree; how their loudness rises and falls settles it for a tone, which agrees with itself
    over and over.
    """
    envelope = _envelope(clip)
    speech, clear = envelope.span_above(AUDIBLE_DB), envelope.span_above(_EDGE_DB)
    if speech is None or clear is None:
        return None
    sound = resample(clip, COMPARED_RATE).samples
    around = _excerpt(resample(mix, COMPARED_RATE).samples, expected, len(sound))
    likeness = _correlated(around, sound)
    lag = int(np.argmax(_scores(likeness, around, sound)))
    heard = around[lag : lag + len(sound)]
    correlation = float(likeness[lag] / max(np.linalg.norm(sound) * np.linalg.norm(heard), 1e-9))
    if correlation < HEARD_CORRELATION:
        return None
    start = expected - SEARCH_SECONDS + lag / COMPARED_RATE
    return Heard(start, speech, min(1.0, correlation), _is_cut(heard, sound, clear))


def _excerpt(mix: Samples, expected: float, length: int) -> Samples:
    """All places where the clip may be, with silence where there is no mix."""
    first = round((expected - SEARCH_SECONDS) * COMPARED_RATE)
    end = first + length + 2 * round(SEARCH_SECONDS * COMPARED_RATE)
    inside = mix[max(0, first) : max(0, end)]
    return np.pad(inside, (max(0, -first), end - max(0, first) - len(inside)))


def _scores(likeness: Scores, around: Samples, sound: Samples) -> Scores:
    flux = _correlated(_flux(around), _flux(sound))
    spread = np.interp(np.arange(len(likeness)), np.arange(len(flux)) * _FLUX_STEP, flux)
    distance = np.abs(np.linspace(-1.0, 1.0, len(likeness)))
    return _relative(likeness) + _FLUX_WEIGHT * _relative(spread) - _DISTANCE_WEIGHT * distance


def _relative(scores: Scores) -> Scores:
    peak = float(np.max(scores))
    return scores / peak if peak > 0.0 else np.zeros_like(scores)


def _flux(samples: Samples) -> Samples:
    """How fast the level rises (above 0) or falls, each millisecond."""
    width = round(_FLUX_SECONDS * COMPARED_RATE)
    level = _level(samples, width)
    padded = np.pad(level, width // 2)
    rise: Samples = (padded[width:] - padded[:-width])[::_FLUX_STEP]
    return rise


def _level(samples: Samples, width: int, step: int = 1) -> Samples:
    """The RMS of the `width` samples around each one, or around one in every `step`."""
    sums = np.cumsum(np.pad(np.square(samples, dtype=np.float64), (width // 2 + 1, width - width // 2)))
    power = (sums[width::step] - sums[:-width:step])[: -(-len(samples) // step)] / width
    level: Samples = np.sqrt(np.maximum(power, 0.0)).astype(np.float32)
    return level


def _correlated(around: Samples, sound: Samples) -> Scores:
    """The inner product of the sound with each stretch of `around` that holds it whole."""
    size = 1 << (len(around) - 1).bit_length()
    spectrum = np.fft.rfft(around, size) * np.conj(np.fft.rfft(sound, size))
    scores: Scores = np.fft.irfft(spectrum, size)[: len(around) - len(sound) + 1].astype(np.float64)
    return scores


def _is_cut(heard: Samples, sound: Samples, clear: Span) -> bool:
    first, last = round(clear.start * COMPARED_RATE), round(clear.end * COMPARED_RATE)
    gain = _gain(heard, sound)
    noise = float(np.sqrt(np.mean(np.square(heard - gain * sound))))
    for seconds in _EDGES_SECONDS:
        length = round(seconds * COMPARED_RATE)
        for edge in (slice(first, first + length), slice(max(first, last - length), last)):
            if _is_missing(heard[edge], sound[edge], gain, noise):
                return True
    return False


def _is_missing(heard: Samples, sound: Samples, gain: float, noise: float) -> bool:
    """Whether there is much less of the sound than of the whole clip; told only where other sound is too
    quiet to feign it."""
    level = float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0
    if level <= 0.0:
        return False
    independent = max(1.0, len(sound) / COMPARED_RATE * _INDEPENDENT_PER_SECOND)
    doubt = noise / level / float(np.sqrt(independent))
    return _gain(heard, sound) + 2 * doubt < _MISSING_GAIN * gain


def _gain(heard: Samples, sound: Samples) -> float:
    """The share of the sound that is in what is heard."""
    energy = float(sound @ sound)
    return float(heard @ sound) / energy if energy > 0.0 else 0.0


def _envelope(clip: Audio) -> _Envelope:
    step = max(1, round(_ENVELOPE_STEP_SECONDS * clip.sample_rate))
    level = _level(clip.samples, max(1, round(_ENVELOPE_SECONDS * clip.sample_rate)), step)
    return _Envelope(level, step / clip.sample_rate, float(np.percentile(level, 95)) if len(level) else 0.0)
