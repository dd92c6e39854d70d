"""Sound that rises, falls and hisses as speech does, made on the spot, and mixes of it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from app.media.audio import Audio, resample
from tests.media.clips import tone

RATE = 48_000


def babble(seconds: float, seed: int, sample_rate: int = 24_000, level: float = 0.1) -> Audio:
    """Syllables of 0.18 s, each a buzz of its own pitch and loudness; `level` is its RMS."""
    random = np.random.default_rng(seed)
    length = round(seconds * sample_rate)
    times = np.arange(length) / sample_rate
    syllable = (times / 0.18).astype(int)
    count = syllable[-1] + 1
    pitch = random.uniform(100, 200, count)[syllable]
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    harmonics = random.uniform(0, 1, (12, count))[:, syllable] / np.arange(1, 13)[:, None]
    voiced = np.sum(harmonics * np.sin(np.arange(1, 13)[:, None] * phase), axis=0)
    loudness = random.uniform(0.4, 1.0, count)[syllable] * np.abs(np.sin(np.pi * times / 0.18)) ** 0.3
    samples = loudness * (voiced + 0.05 * random.standard_normal(length))
    return Audio((samples * level / np.sqrt(np.mean(samples**2))).astype(np.float32), sample_rate)


def whistle(seconds: float, level: float = 0.1) -> Audio:
    """A pure tone between 15 ms of silence."""
    return tone(seconds + 0.03, at=0.015, until=seconds + 0.015, level=level)


@dataclass(frozen=True, slots=True)
class Laid:
    """A clip in a mix from `start` (seconds) on, `gain` times as loud."""

    clip: Audio
    start: float
    gain: float = 1.0


def mixed(seconds: float, parts: Iterable[Laid]) -> Audio:
    """Mono, at 48 kHz."""
    samples = np.zeros(round(seconds * RATE), np.float32)
    for part in parts:
        sound = resample(part.clip, RATE).samples * np.float32(part.gain)
        first = round(part.start * RATE)
        inside = samples[first : first + len(sound)]
        inside += sound[: len(inside)]
    return Audio(samples, RATE)
