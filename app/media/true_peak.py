"""The true peak of a recording as ITU-R BS.1770-4, annex 2, estimates it: oversampled; blocking."""

import math
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from app.media.audio import Samples
from app.media.blocks import block_peaks
from app.media.loudness import SILENT

OVERSAMPLING = 4
# Between samples a signal seldom rises by more than this over its largest sample: the rest is not looked at.
_BELOW_PEAK = 0.7
_TAPS = 24
_BLOCK = 32
_BLOCKS_AT_ONCE = 1 << 12


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
    inner = channel[None, _TAPS // 2 - 1 :][:, : len(starts) * _BLOCK]
    loud = np.append(starts[block_peaks(inner, _BLOCK) >= peak * _BELOW_PEAK], len(channel) - span)
    windows = sliding_window_view(channel, span)
    for first in range(0, len(loud), _BLOCKS_AT_ONCE):
        between = _between(windows[loud[first : first + _BLOCKS_AT_ONCE]])
        peak = max(peak, float(np.max(np.abs(between))))
    return peak


def _between(blocks: Samples) -> Samples:
    """The values between the samples of blocks, from these and what is around them."""
    filters = _filters()
    between = np.zeros((OVERSAMPLING - 1, len(blocks), _BLOCK), np.float32)
    for tap in range(_TAPS):
        between += filters[tap, :, None, None] * blocks[:, tap : tap + _BLOCK]
    return between


@lru_cache(maxsize=1)
def _filters() -> Samples:
    """A windowed sinc for each place between two samples; shape (taps, places)."""
    places = np.arange(1, OVERSAMPLING) / OVERSAMPLING
    distance = np.arange(_TAPS)[:, None] - (_TAPS // 2 - 1) - places
    filters = np.sinc(distance) * np.cos(math.pi * distance / (_TAPS + 1)) ** 2
    normal: Samples = (filters / np.sum(filters, axis=0)).astype(np.float32)
    return normal
