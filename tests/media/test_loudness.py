"""Loudness where the standard gives it, and against FFmpeg's own meter."""

import re
import subprocess

import numpy as np
import pytest

from app.media.audio import Samples
from app.media.ffmpeg import find_ffmpeg
from app.media.loudness import SILENT, loudness
from tests.media.babble import RATE, babble


def sine(decibels: float, seconds: float, rate: int = RATE) -> Samples:
    """997 Hz of that peak in dBFS, on both channels."""
    wave = 10 ** (decibels / 20) * np.sin(2 * np.pi * 997 * np.arange(round(seconds * rate)) / rate)
    return np.tile(wave.astype(np.float32), (2, 1))


def metered(samples: Samples) -> float:
    """What FFmpeg's ebur128 says, in LUFS."""
    command = [str(find_ffmpeg(None)), "-hide_banner", "-f", "f32le", "-ar", str(RATE)]
    command += ["-ac", str(len(samples)), "-i", "-", "-af", "ebur128", "-f", "null", "-"]
    data = samples.T.astype("<f4").tobytes()
    outcome = subprocess.run(command, input=data, capture_output=True, check=True)
    return float(re.findall(r"I:\s+(\S+) LUFS", outcome.stderr.decode())[-1])


@pytest.mark.parametrize("rate", [48_000, 44_100, 24_000])
def test_the_standard_s_tone(rate: int) -> None:
    assert loudness(sine(-23, 5, rate), rate) == pytest.approx(-23.0, abs=0.1)
    assert loudness(sine(-23, 5, rate)[:1], rate) == pytest.approx(-26.0, abs=0.1)


def test_the_gates_leave_out_what_is_quiet() -> None:
    """The third signal of EBU Tech 3341, shortened: the ends are 13 LU quieter than the middle."""
    sound = np.concatenate([sine(-36, 5), sine(-23, 20), sine(-36, 5)], axis=1)
    assert loudness(sound, RATE) == pytest.approx(-23.0, abs=0.1)
    assert loudness(np.concatenate([sine(-80, 5), sine(-23, 5)], axis=1), RATE) > -23.5


@pytest.mark.parametrize("seed", [1, 2])
def test_it_agrees_with_the_meter_of_ffmpeg(seed: int) -> None:
    voice = babble(8, seed, RATE).samples
    voice[3 * RATE : 5 * RATE] *= 0.01
    hiss = np.random.default_rng(seed).normal(0, 0.02, (2, len(voice)))
    sound = (np.stack([voice, 0.4 * voice]) + hiss).astype(np.float32)
    assert loudness(sound, RATE) == pytest.approx(metered(sound), abs=0.1)


def test_short_sounds_have_a_loudness_and_silence_has_none() -> None:
    for seconds in (0.05, 0.15, 0.35):
        assert loudness(sine(-23, seconds), RATE) == pytest.approx(-23, abs=0.5)
    assert loudness(np.zeros((2, RATE), np.float32), RATE) == SILENT
    assert loudness(np.zeros((2, 0), np.float32), RATE) == SILENT
