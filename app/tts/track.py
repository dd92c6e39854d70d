"""The dubbed track: every spoken line at its place on one long, mostly silent recording."""

import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from app.media.audio import Audio, Samples

_SILENCE_SAMPLES = 65_536
_FULL_SCALE = 32_767


def write_track(
    clips: Iterable[tuple[float, Audio]], *, sample_rate: int, total_samples: int, out: Path
) -> None:
    """Write mono 16-bit WAV of exactly `total_samples`, with each clip at its start in seconds.

    Clips come in order of start and are taken one by one, so an iterator that loads them on demand keeps
    the memory constant. A clip that meets the one before by rounding waits for its last sample; what
    would lie beyond `total_samples` is left out. Raises `ValueError` for a clip of another sample rate.
    """
    with out.open("wb") as file, wave.open(file, "wb") as track:
        track.setnchannels(1)
        track.setsampwidth(2)
        track.setframerate(sample_rate)
        track.setnframes(total_samples)
        position = 0
        for start, audio in clips:
            if audio.sample_rate != sample_rate:
                raise ValueError(f"a clip of {audio.sample_rate} Hz in a track of {sample_rate} Hz")
            offset = min(max(position, round(start * sample_rate)), total_samples)
            _write_silence(track, offset - position)
            samples = audio.samples[: total_samples - offset]
            track.writeframesraw(_pcm(samples))
            position = offset + len(samples)
        _write_silence(track, total_samples - position)


def _write_silence(track: wave.Wave_write, samples: int) -> None:
    block = bytes(2 * _SILENCE_SAMPLES)
    while samples > 0:
        track.writeframesraw(block[: 2 * samples])
        samples -= _SILENCE_SAMPLES


def _pcm(samples: Samples) -> bytes:
    return np.rint(np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype("<i2").tobytes()
