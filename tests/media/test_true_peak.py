"""The true peak against FFmpeg's own meter, and where it is known."""

import re
import subprocess

import numpy as np
import pytest

from app.media.audio import Samples
from app.media.ffmpeg import find_ffmpeg
from app.media.loudness import SILENT
from app.media.true_peak import to_dbtp, true_peak
from tests.media.babble import RATE, babble

SECONDS = np.arange(2 * RATE) / RATE


def metered(samples: Samples) -> float:
    """What FFmpeg's ebur128 says, in dBTP."""
    command = [str(find_ffmpeg(None)), "-hide_banner", "-f", "f32le", "-ar", str(RATE)]
    command += ["-ac", str(len(samples)), "-i", "-", "-af", "ebur128=peak=true", "-f", "null", "-"]
    outcome = subprocess.run(
        command, input=samples.T.astype("<f4").tobytes(), capture_output=True, check=True
    )
    return float(re.findall(r"Peak:\s+(\S+) dBFS", outcome.stderr.decode())[-1])


def speech(level: float) -> Samples:
    sound = babble(2.0, 3, RATE, level).samples
    return np.stack([sound, sound * np.float32(0.5)])


@pytest.mark.parametrize(
    "samples",
    [speech(0.1), speech(0.003), np.clip(speech(0.5), -0.8, 0.8)],
    ids=["speech", "quiet speech", "clipped speech"],
)
def test_it_agrees_with_the_meter_of_ffmpeg(samples: Samples) -> None:
    assert to_dbtp(true_peak(samples)) == pytest.approx(metered(samples), abs=0.2)


def test_a_peak_between_samples_is_seen() -> None:
    """A tone at a quarter of the rate, 45 degrees off: no sample is more than 3 dB below its peaks."""
    wave = (0.5 * np.sin(2 * np.pi * RATE / 4 * SECONDS + np.pi / 4)).astype(np.float32)[None]
    assert float(np.max(np.abs(wave))) < 0.36
    assert true_peak(wave) == pytest.approx(0.5, rel=0.02)


def test_the_ends_of_a_part_add_no_peaks() -> None:
    wave = (0.5 * np.sin(2 * np.pi * 997 * SECONDS)).astype(np.float32)[None]
    for first in range(0, 48, 7):
        assert true_peak(wave[:, first : first + 5_000]) == pytest.approx(0.5, rel=0.02)


def test_nothing_to_measure() -> None:
    assert to_dbtp(true_peak(np.zeros((2, 100), np.float32))) == SILENT
    assert true_peak(np.zeros((2, 0), np.float32)) == 0.0
    assert true_peak(np.full((1, 1), 0.5, np.float32)) >= 0.5
