"""Putting thousands of spoken lines on one track, against mixing them into an array."""

import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.media.audio import Audio
from app.tts.track import write_track
from tests.benchmarks.measuring import Comparison, cost_of_command

SAMPLE_RATE = 24_000
LINE_SECONDS = 3.0


def compare(lines: int, seconds: int) -> Iterator[Comparison]:
    """Each way in a process of its own, whose memory is then known."""
    with tempfile.TemporaryDirectory() as folder:
        ours, naive = [
            cost_of_command([sys.executable, "-m", __name__, way, str(lines), str(seconds), folder])
            for way in ("ours", "naive")
        ]
    work = f"track of {lines} lines, {seconds / 3600:.1f} h"
    yield Comparison(work, ours, "numpy array", naive, lines, "lines")


def write_as_we_do(lines: int, seconds: int, out: Path) -> None:
    total = seconds * SAMPLE_RATE
    write_track(_clips(lines, seconds), sample_rate=SAMPLE_RATE, total_samples=total, out=out)


def write_naively(lines: int, seconds: int, out: Path) -> None:
    mix = np.zeros(seconds * SAMPLE_RATE, np.float32)
    for start, audio in _clips(lines, seconds):
        offset = round(start * SAMPLE_RATE)
        mix[offset : offset + len(audio.samples)] += audio.samples
    with wave.open(str(out), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(mix, -1, 1) * 32767).astype("<i2").tobytes())


def _clips(lines: int, seconds: int) -> Iterator[tuple[float, Audio]]:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, round(LINE_SECONDS * SAMPLE_RATE))
    line = Audio(noise.astype(np.float32), SAMPLE_RATE)
    return ((number * seconds / lines, line) for number in range(lines))


if __name__ == "__main__":
    write = {"ours": write_as_we_do, "naive": write_naively}[sys.argv[1]]
    write(int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]) / f"{sys.argv[1]}.wav")
