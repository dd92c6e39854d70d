"""Samples block by block, whose length is a power of two: what is far cheaper than sample by sample."""

import numpy as np

from app.media.audio import Samples, runs


def block_peaks(samples: Samples, block: int) -> Samples:
    """The largest absolute value of each block over all channels, from (channels, samples) to (blocks,).

    The last block may be shorter.
    """
    peaks = [_peaks(samples[:, run], block) for run in runs(samples.shape[1])]
    return np.concatenate(peaks) if peaks else np.zeros(0, np.float32)


def line_between(knots: Samples, block: int, run: slice) -> Samples:
    """The samples of `run`, whose start is that of a block, on straight lines from each of the knots to the
    next, `block` samples long."""
    first, last = run.start // block, -(-run.stop // block)
    starts, rises = knots[first:last, None], np.diff(knots[first : last + 1])[:, None]
    lines: Samples = starts + rises * (np.arange(block, dtype=np.float32) / np.float32(block))
    return lines.reshape(-1)[: run.stop - run.start]


def _peaks(samples: Samples, block: int) -> Samples:
    magnitudes = np.abs(samples)
    loudest = np.max(magnitudes, axis=0) if len(magnitudes) > 1 else magnitudes[0]
    peaks = np.pad(loudest, (0, -len(loudest) % block)).reshape(-1, block)
    # By halves: along so short an axis a reduction is five times slower.
    while peaks.shape[1] > 1:
        half = peaks.shape[1] // 2
        peaks = np.maximum(peaks[:, :half], peaks[:, half:])
    return peaks[:, 0]
