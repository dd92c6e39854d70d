"""The dubbed track: every sample at its place, whatever the length."""

import tracemalloc
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.media.audio import Audio
from app.tts.track import write_track

RATE = 24_000


def tone(samples: int, level: float = 0.5, rate: int = RATE) -> Audio:
    return Audio(np.full(samples, level, dtype=np.float32), rate)


def read(path: Path) -> NDArray[np.int16]:
    with wave.open(str(path), "rb") as track:
        assert (track.getnchannels(), track.getsampwidth(), track.getframerate()) == (1, 2, RATE)
        return np.frombuffer(track.readframes(track.getnframes()), dtype="<i2")


def test_clips_are_at_their_absolute_samples(tmp_path: Path) -> None:
    out = tmp_path / "track.wav"
    clips = [(0.5, tone(100)), (1.00002, tone(50, -1.0)), (90.0, tone(10, 2.0))]
    write_track(clips, sample_rate=RATE, total_samples=100 * RATE, out=out)
    track = read(out)
    expected = np.zeros(100 * RATE, dtype=np.int16)
    expected[12_000:12_100] = 16_384
    expected[24_000:24_050] = -32_767
    expected[90 * RATE : 90 * RATE + 10] = 32_767
    assert np.array_equal(track, expected)


def test_a_clip_that_meets_the_last_by_rounding_is_not_cut(tmp_path: Path) -> None:
    out = tmp_path / "track.wav"
    clips = [(0.0, tone(RATE + 3, 0.25)), (1.0, tone(100)), (2.0, tone(10))]
    write_track(clips, sample_rate=RATE, total_samples=3 * RATE, out=out)
    track = read(out)
    assert np.count_nonzero(track == 8192) == RATE + 3
    assert np.flatnonzero(track == 16_384).tolist() == [
        *range(RATE + 3, RATE + 103),
        *range(2 * RATE, 2 * RATE + 10),
    ]


def test_the_track_has_exactly_the_samples_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "track.wav"
    write_track([(0.9, tone(RATE)), (5.0, tone(10))], sample_rate=RATE, total_samples=RATE, out=out)
    assert len(read(out)) == RATE
    write_track([], sample_rate=RATE, total_samples=70_001, out=out)
    assert len(read(out)) == 70_001
    write_track([], sample_rate=RATE, total_samples=0, out=out)
    assert len(read(out)) == 0


def test_clips_of_another_rate_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="16000 Hz"):
        write_track(
            [(0, tone(1, rate=16_000))], sample_rate=RATE, total_samples=9, out=tmp_path / "track.wav"
        )


def test_a_long_track_is_written_in_little_memory(tmp_path: Path) -> None:
    def clips() -> Iterator[tuple[float, Audio]]:
        for number in range(360):
            yield number * 10.0, tone(2 * RATE)

    out = tmp_path / "track.wav"
    tracemalloc.start()
    write_track(clips(), sample_rate=RATE, total_samples=3600 * RATE, out=out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000
    assert out.stat().st_size == 44 + 2 * 3600 * RATE
