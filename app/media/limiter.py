"""A limiter that looks ahead: no sample over the ceiling, and none changed far from a loud one. Blocking."""

import numpy as np

from app.media.audio import Samples
from app.media.blocks import block_peaks, lines_between

_BLOCK = 64
_SPREAD_BLOCKS = 45
REACH = (2 * _SPREAD_BLOCKS + 2) * _BLOCK
"""How many samples before and after a stretch have a say in it."""


def limit(samples: Samples, ceiling: float) -> Samples:
    """The samples, of shape (channels, samples), turned down smoothly around peaks over `ceiling`.

    It remembers nothing: what is limited in parts that begin on the same grid of 64 samples, each with
    `REACH` samples of what is around it, is what would have been limited whole.
    """
    peaks = block_peaks(samples, _BLOCK)
    if np.max(peaks, initial=0.0) <= ceiling:
        return samples
    gains = _smooth_gains(np.minimum(1.0, ceiling / np.maximum(peaks, ceiling)))
    from_centre_to_centre = lines_between(np.pad(gains, 1, mode="edge"), _BLOCK)
    limited: Samples = samples * from_centre_to_centre[_BLOCK // 2 :][: samples.shape[1]]
    return limited


def _smooth_gains(needed: Samples) -> Samples:
    """The least gain within reach, averaged over a window that reaches one block less far: never more than
    is needed in a block or beside it, where the curve runs from one block's gain to the next."""
    least = np.pad(needed, _SPREAD_BLOCKS + 1, constant_values=1.0)
    windows = np.lib.stride_tricks.sliding_window_view(least, 2 * _SPREAD_BLOCKS + 3)
    window = np.hanning(2 * _SPREAD_BLOCKS + 3)[1:-1]
    spread = np.pad(np.min(windows, axis=1), _SPREAD_BLOCKS, mode="edge")
    smooth: Samples = np.convolve(spread, window / np.sum(window), mode="valid")
    return smooth
