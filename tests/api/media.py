"""What a downloaded file really holds, measured by decoding it."""

from dataclasses import dataclass
from io import BytesIO

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono samples from -1 to 1."""

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def between(self, start: float, end: float) -> "Sound":
        return Sound(self.samples[round(start * self.rate) : round(end * self.rate)], self.rate)

    def level(self) -> float:
        """Root mean square."""
        return float(np.sqrt(np.mean(np.square(self.samples)))) if len(self.samples) else 0.0

    def pitch(self) -> float:
        """The strongest frequency, Hz."""
        padded = np.fft.rfft(self.samples * np.hanning(len(self.samples)), n=2**18)
        return float(np.argmax(np.abs(padded)) * self.rate / 2**18)

    def strength(self, frequency: float) -> float:
        """The amplitude of the tone of that frequency (Hz)."""
        turns = np.exp(-2j * np.pi * frequency * np.arange(len(self.samples)) / self.rate)
        window = np.hanning(len(self.samples))
        return float(2 * abs(np.sum(self.samples * window * turns)) / np.sum(window))

    def silences(self, quieter_than: float = 0.003) -> list[tuple[float, float]]:
        """Start and end of every stretch of 20 ms and more without sound."""
        block = self.rate // 100
        loud = np.abs(self.samples[: len(self.samples) // block * block]).reshape(-1, block).max(axis=1)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], loud < quieter_than, [0]))))
        return [(start / 100, end / 100) for start, end in edges.reshape(-1, 2) if end - start >= 2]


def sound_in(content: bytes) -> Sound:
    """The first audio track, the mean of its channels."""
    with av.open(BytesIO(content), "r") as file:
        stream = file.streams.audio[0]
        as_float = av.AudioResampler("fltp")
        frames = [out for frame in file.decode(stream) for out in as_float.resample(frame)]
        parts = [frame.to_ndarray().mean(axis=0) for frame in [*frames, *as_float.resample(None)]]
        return Sound(np.concatenate(parts), stream.rate)


@dataclass(frozen=True, slots=True)
class Film:
    """`container`, `video` and `audio` are FFmpeg's names; `times` of the frames in seconds."""

    container: str
    video: str
    audio: str | None
    size: tuple[int, int]
    times: tuple[float, ...]
    pictures: tuple[Picture, ...]

    def at(self, seconds: float) -> Picture:
        """The picture on screen."""
        return self.pictures[max(0, int(np.searchsorted(self.times, seconds + 1e-4)) - 1)]


def film_in(content: bytes) -> Film:
    """Every frame as rows × columns × RGB."""
    with av.open(BytesIO(content), "r") as file:
        frames = [(frame.time or 0.0, frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]
        stream = file.streams.video[0]
        return Film(
            container=file.format.name,
            video=stream.codec_context.name,
            audio=file.streams.audio[0].codec_context.name if file.streams.audio else None,
            size=(stream.width, stream.height),
            times=tuple(time for time, _ in frames),
            pictures=tuple(picture.astype(np.uint8) for _, picture in frames),
        )
