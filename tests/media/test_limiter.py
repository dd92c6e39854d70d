"""The limiter: nothing over the ceiling, nothing changed far away, and parts as if made whole."""

import numpy as np
import pytest

from app.media.audio import Samples
from app.media.limiter import REACH, limit

CEILING = 0.8
BLOCK = 64


def bursts() -> Samples:
    """Noise with peaks up to twice full scale, a different one in each channel, and quiet from 60,000 on."""
    random = np.random.default_rng(5)
    sound = random.uniform(-0.3, 0.3, (2, 90_000)).astype(np.float32)
    for channel, first in ((0, 7), (0, 20_000), (1, 20_400), (1, 45_001), (0, 59_000)):
        sound[channel, first : first + 300] *= random.uniform(3, 7)
    return sound


def turned_down(sound: Samples) -> Samples:
    limited = sound.copy()
    limit(limited, CEILING)
    return limited


@pytest.mark.parametrize("length", [90_000, 59_999, 1, 0])
def test_no_sample_is_over_the_ceiling(length: int) -> None:
    limited = turned_down(bursts()[:, :length])
    assert limited.shape == (2, length)
    assert np.max(np.abs(limited), initial=0.0) <= CEILING * 1.00001


def test_both_channels_are_turned_down_alike_and_only_near_a_peak() -> None:
    sound = bursts()
    limited = turned_down(sound)
    near = slice(20_000, 20_300)
    gains = limited[:, near] / sound[:, near]
    np.testing.assert_allclose(gains[0], gains[1], rtol=1e-4)
    assert np.max(gains) < 0.95
    np.testing.assert_allclose(limited[:, 60_000 + REACH :], sound[:, 60_000 + REACH :], rtol=1e-4)


def test_what_is_quiet_enough_is_left_as_it_is() -> None:
    quiet = bursts() * np.float32(0.1)
    np.testing.assert_array_equal(turned_down(quiet), quiet)


def test_parts_are_what_the_whole_would_be() -> None:
    sound = bursts()
    whole = turned_down(sound)
    # Right beside, or between, what is turned down.
    for first, last in ((0, 312 * BLOCK), (312 * BLOCK, 700 * BLOCK), (700 * BLOCK, 90_000)):
        before, after = max(0, first - REACH), last + REACH
        part = turned_down(sound[:, before:after])[:, first - before :][:, : last - first]
        np.testing.assert_allclose(part, whole[:, first:last], atol=1e-5)
