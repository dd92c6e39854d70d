"""The true peak of a recording as ITU-R BS.1770-4, annex 2, estimates it: oversampled; blocking."""

import math
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from app.media.audio import Samples
from app.media.loudness import SILENT

OVERSAMPLING = 4
# Between samples a signal seldom rises by more than this over its largest sample: the rest is not looked at.
_BELOW_PEAK = 0.5
_TAPS = 24
_BLOCK = 32
_BLOCKS_AT_ONCE = 1 << 14


def true_peak(samples: Samples) -> float:
    """The largest absolute value, also between the samples (channels, samples); 1 is full scale."""
    return max((_channel_peak(channel) for channel in samples), default=0.0)


def to_dbtp(peak: float) -> float:
    return 20 * math.log10(peak) if peak > 0 else SILENT


def _channel_peak(channel: Samples) -> float:
    peak = float(np.max(np.abs(channel), initial=0.0))
    if peak == 0.0:
        return 0.0
    span = _BLOCK + _TAPS - 1
    if len(channel) < span:
        return peak
    # Only where all that a value depends on is there: cut off sharply, a sound would seem to have peaks.
    starts = np.arange(0, len(channel) - span + 1, _BLOCK)
    inner = np.abs(channel[_TAPS // 2 - 1 :][: len(starts) * _BLOCK]).reshape(-1, _BLOCK)
    loud = np.append(starts[np.max(inner, axis=1) >= peak * _BELOW_PEAK], len(channel) - span)
    windows = sliding_window_view(channel, span)
    for first in range(0, len(loud), _BLOCKS_AT_ONCE):
        between = windows[loud[first : first + _BLOCKS_AT_ONCE]] @ _between_samples()
        peak = max(peak, float(np.max(np.abs(between))))
    return peak


@lru_cache(maxsize=1)
def _between_samples() -> Samples:
    """From a block and what is around it to the values between its samples, by a windowed sinc."""
    places = np.arange(1, OVERSAMPLING) / OVERSAMPLING
    distance = np.arange(_TAPS)[:, None] - (_TAPS // 2 - 1) - places
    filters = np.sinc(distance) * np.cos(math.pi * distance / (_TAPS + 1)) ** 2
    filters /= np.sum(filters, axis=0)
    matrix = np.zeros((_BLOCK + _TAPS - 1, _BLOCK, OVERSAMPLING - 1), np.float32)
    for sample in range(_BLOCK):
        matrix[sample : sample + _TAPS, sample] = filters
    return matrix.reshape(_BLOCK + _TAPS - 1, -1)
