"""A limiter that looks ahead: no sample over the ceiling, and none changed far from a loud one. Blocking."""

import numpy as np

from app.media.audio import Samples, runs
from app.media.blocks import block_peaks, line_between

_BLOCK = 64
_SPREAD_BLOCKS = 45
REACH = (2 * _SPREAD_BLOCKS + 2) * _BLOCK
"""How many samples before and after a stretch have a say in it."""


def limit(samples: Samples, ceiling: float) -> None:
    """Turns the samples, of shape (channels, samples), down smoothly around peaks over `ceiling`, in place.

    It remembers nothing: what is limited in parts that begin on the same grid of 64 samples, each with
    `REACH` samples of what is around it, is what would have been limited whole.
    """
    peaks = block_peaks(samples, _BLOCK)
    if np.max(peaks, initial=0.0) <= ceiling:
        return
    gains = _smooth_gains(np.minimum(1.0, ceiling / np.maximum(peaks, ceiling)))
    knots = _at_the_borders(gains)
    for run in runs(samples.shape[1]):
        samples[:, run] *= line_between(knots, _BLOCK // 2, run)


def _at_the_borders(gains: Samples) -> Samples:
    """From gains at the middles of blocks to those at their borders as well, on straight lines."""
    padded = np.pad(gains, 1, mode="edge").astype(np.float32)
    borders = (padded[1:] + padded[:-1]) / 2
    knots = np.empty(2 * len(gains) + 1, np.float32)
    knots[::2], knots[1::2] = borders, gains
    return knots


def _smooth_gains(needed: Samples) -> Samples:
    """The least gain within reach, averaged over a window that reaches one block less far: never more than
    is needed in a block or beside it, where the curve runs from one block's gain to the next."""
    padded = np.pad(needed, _SPREAD_BLOCKS + 1, constant_values=1.0)
    window = np.hanning(2 * _SPREAD_BLOCKS + 3)[1:-1].astype(np.float32)
    spread = np.pad(_least(padded, 2 * _SPREAD_BLOCKS + 3), _SPREAD_BLOCKS, mode="edge")
    smooth: Samples = np.convolve(spread, window / np.sum(window), mode="valid")
    return smooth


def _least(values: Samples, width: int) -> Samples:
    """The smallest of each `width` consecutive values, from windows of twice the width each time."""
    reach = 1
    while 2 * reach <= width:
        values = np.minimum(values[:-reach], values[reach:])
        reach *= 2
    rest = width - reach
    least: Samples = np.minimum(values[: len(values) - rest], values[rest:])
    return least
