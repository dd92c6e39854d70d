"""Loudness as ITU-R BS.1770-4 measures it, in LUFS; blocking. Samples have the shape (channels, samples)."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.media.audio import RUN, Samples

SILENT = -math.inf
HOP_SECONDS = 0.1
_HOPS_PER_BLOCK = 4
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0
_OFFSET = -0.691

# The standard's two biquads at 48 kHz, numerator and denominator: a shelf for the head, then a high-pass.
_BIQUADS = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
_DESIGN_RATE = 48_000

Energies = NDArray[np.float64]


def hop_energies(samples: Samples, sample_rate: int) -> Energies:
    """The weighted power of each whole `HOP_SECONDS`, all channels added; shape (hops,).

    What is left at the end, less than a hop, is not measured. The weighting is applied to each hop's
    spectrum: a fifth of the work of filtering, and 0.01 LU from it over a recording.
    """
    hop = round(HOP_SECONDS * sample_rate)
    hops = samples.shape[-1] // hop
    return _weighted_power(samples[:, : hops * hop].reshape(samples.shape[0], hops, hop), sample_rate)


def gated_loudness(energies: Energies) -> float:
    """The integrated loudness of consecutive hops: blocks of 0.4 s, gated twice; `SILENT` if none is left."""
    if len(energies) < _HOPS_PER_BLOCK:
        return to_lufs(float(np.mean(energies))) if len(energies) else SILENT
    blocks = np.convolve(energies, np.full(_HOPS_PER_BLOCK, 1 / _HOPS_PER_BLOCK), mode="valid")
    audible = blocks[blocks > to_power(_ABSOLUTE_GATE)]
    if not len(audible):
        return SILENT
    loud = audible[audible > to_power(to_lufs(float(np.mean(audible))) + _RELATIVE_GATE)]
    return to_lufs(float(np.mean(loud)))


def loudness(samples: Samples, sample_rate: int) -> float:
    """The integrated loudness of a recording, also of one shorter than the standard's 0.4 s."""
    if 0 < samples.shape[-1] < round(HOP_SECONDS * sample_rate):
        return to_lufs(float(_weighted_power(samples[:, None, :], sample_rate)[0]))
    return gated_loudness(hop_energies(samples, sample_rate))


def to_lufs(power: float) -> float:
    """The loudness of a weighted mean power."""
    return _OFFSET + 10 * math.log10(power) if power > 0 else SILENT


def to_power(lufs: float) -> float:
    """The weighted mean power of a loudness."""
    return float(10 ** ((lufs - _OFFSET) / 10))


def _weighted_power(frames: Samples, sample_rate: int) -> Energies:
    """The mean square of each frame after the weighting, from (channels, frames, samples) to (frames,)."""
    size = frames.shape[-1]
    power = [_channel_power(channel, sample_rate) for channel in frames]
    energies: Energies = np.sum(power, axis=0, dtype=np.float64) / size**2
    return energies


def _channel_power(frames: Samples, sample_rate: int) -> Samples:
    at_once = max(1, RUN // frames.shape[-1])
    power = [
        _power_of(frames[first : first + at_once], sample_rate) for first in range(0, len(frames), at_once)
    ]
    return np.concatenate(power) if power else np.zeros(0, np.float32)


def _power_of(frames: Samples, sample_rate: int) -> Samples:
    # Real and imaginary parts side by side: no new arrays, and no threads as a matrix product has them.
    parts = np.fft.rfft(frames, axis=-1).view(frames.dtype)
    parts *= _part_response(frames.shape[-1], sample_rate)
    power: Samples = np.einsum("ij,ij->i", parts, parts)
    return power


@lru_cache(maxsize=8)
def _part_response(size: int, sample_rate: int) -> Samples:
    """What the weighting makes of the real and the imaginary part of each frequency, whose power counts
    twice where the spectrum is one-sided."""
    frequencies = np.minimum(np.fft.rfftfreq(size, 1 / sample_rate), _DESIGN_RATE / 2)
    delay = np.exp(-2j * math.pi * frequencies / _DESIGN_RATE)
    response = np.full(len(frequencies), 2.0)
    response[0] = 1.0
    if size % 2 == 0:
        response[-1] = 1.0
    for numerator, denominator in _BIQUADS:
        response *= np.abs(np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)) ** 2
    return np.repeat(np.sqrt(response), 2).astype(np.float32)
