"""What there is to see and hear in a video file, as a player would show it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from app.media.audio import Audio

Picture = NDArray[np.int16]

ENVELOPE_SECONDS = 0.005
PAUSE_SECONDS = 0.25
CLOCK_TOLERANCE = 0.001


@dataclass(frozen=True)
class Frame:
    """What is on screen from `start` seconds on, as brightness of shape (height, width)."""

    start: float
    picture: Picture


def frames(path: Path, width: int | None = None) -> Iterator[Frame]:
    """Every frame of a video in order, shrunk to a width in pixels."""
    for start, frame in _decoded(path):
        yield Frame(start, _brightness(frame, width))


def frame_at(path: Path, second: float) -> Picture:
    """What is on screen at a second."""
    shown = None
    for start, frame in _decoded(path):
        if start > second + CLOCK_TOLERANCE:
            break
        shown = frame
    assert shown is not None
    return _brightness(shown, None)


def on_screen(shown: Sequence[Frame], second: float) -> int:
    """The index of the frame that is on screen at a second, the first one before it has come."""
    return max(0, sum(frame.start <= second + CLOCK_TOLERANCE for frame in shown) - 1)


def difference(one: Picture, other: Picture) -> float:
    """The mean over all pixels, in steps of brightness, of which there are 256."""
    return float(np.mean(np.abs(one - other)))


def most_alike(picture: Picture, shown: Sequence[Frame]) -> int:
    """The index of the frame that a picture resembles most."""
    return int(np.argmin([difference(picture, frame.picture) for frame in shown]))


def picture_packets(path: Path) -> list[bytes]:
    """The video stream as it is stored, packet by packet."""
    with av.open(path) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def picture_clock(path: Path) -> list[float]:
    """When each frame of a video is shown, in seconds of the file."""
    with av.open(path) as container:
        origin = _origin(container)
        stored = [packet for packet in container.demux(video=0) if packet.pts is not None]
        return sorted(_seconds(packet, origin) for packet in stored)


def onsets(audio: Audio, level_db: float = -40.0) -> list[float]:
    """The seconds at which sound sets in after a pause."""
    block = round(ENVELOPE_SECONDS * audio.sample_rate)
    blocks = np.pad(audio.samples, (0, -len(audio.samples) % block)).reshape(-1, block)
    loud = np.flatnonzero(np.abs(blocks).max(axis=1) > 10 ** (level_db / 20))
    after_a_pause = np.diff(loud, prepend=-np.inf) > PAUSE_SECONDS / ENVELOPE_SECONDS
    return [float(index * ENVELOPE_SECONDS) for index in loud[after_a_pause]]


def peak(audio: Audio) -> float:
    """The loudest sample; 1 is full scale."""
    return float(np.max(np.abs(audio.samples), initial=0.0))


def level_db(audio: Audio) -> float:
    """The RMS in dB of full scale."""
    return float(10 * np.log10(np.mean(np.square(audio.samples)) + 1e-12))


def _decoded(path: Path) -> Iterator[tuple[float, av.VideoFrame]]:
    with av.open(path) as container:
        origin = _origin(container)
        for frame in container.decode(video=0):
            yield _seconds(frame, origin), frame


def _seconds(timed: "av.VideoFrame | av.Packet[av.VideoStream]", origin: Fraction) -> float:
    return float((timed.pts or 0) * (timed.time_base or Fraction(0)) - origin)


def _origin(container: "av.container.InputContainer") -> Fraction:
    return Fraction(container.start_time or 0, av.time_base)


def _brightness(frame: av.VideoFrame, width: int | None) -> Picture:
    height = None if width is None else round(frame.height * width / frame.width)
    grey = frame.reformat(width=width, height=height, format="gray").to_ndarray()
    return grey.astype(np.int16)
