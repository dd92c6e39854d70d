"""Samples block by block, whose length is a power of two: what is far cheaper than sample by sample."""

import numpy as np

from app.media.audio import Samples


def block_peaks(samples: Samples, block: int) -> Samples:
    """The largest absolute value of each block over all channels, from (channels, samples) to (blocks,).

    The last block may be shorter.
    """
    loudest = np.abs(samples[0])
    for channel in samples[1:]:
        np.maximum(loudest, np.abs(channel), out=loudest)
    peaks = np.pad(loudest, (0, -len(loudest) % block)).reshape(-1, block)
    # By halves: along so short an axis a reduction is five times slower.
    while peaks.shape[1] > 1:
        half = peaks.shape[1] // 2
        peaks = np.maximum(peaks[:, :half], peaks[:, half:])
    return peaks[:, 0]


def lines_between(knots: Samples, block: int) -> Samples:
    """Straight lines from each of the knots to the next, `block` samples long; shape
    ((knots - 1) * block,)."""
    steps = np.arange(block, dtype=np.float32) / np.float32(block)
    rises = np.diff(knots).astype(np.float32)
    lines: Samples = knots[:-1, None].astype(np.float32) + rises[:, None] * steps
    return lines.reshape(-1)
