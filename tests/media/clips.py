"""Small clips made on the spot, and what there is to see and hear in a file."""

from dataclasses import dataclass
from pathlib import Path

import av
import ffmpeg as graphs
import numpy as np
from numpy.typing import NDArray

from app.media.audio import Audio, read_audio, write_wav
from app.media.ffmpeg import FFmpegWrapper, media_output

GREY_STEP = 4


@dataclass(frozen=True)
class Shape:
    """How long each track of a file lasts, in seconds from the file's start, and how many frames it has."""

    picture_end: float
    sound_end: float
    frames: int


async def counting_clip(ffmpeg: FFmpegWrapper, path: Path, *, seconds: float = 2.0, rate: int = 25) -> Path:
    """A video whose frame n is grey level 4 n + 20, with a tone in its second half."""
    picture = graphs.input(f"nullsrc=s=64x48:r={rate}:d={seconds}", f="lavfi")["v"]
    counted = picture.filter("geq", lum=f"20+{GREY_STEP}*N", cb=128, cr=128)
    silence = graphs.input(f"sine=f=880:r=48000:d={seconds}", f="lavfi")["a"]
    tone = silence.filter("volume", f"gte(t,{seconds / 2})", eval="frame")
    await ffmpeg.run(media_output(path, counted, tone, crf=1, g=12, **{"c:v": "libx264", "c:a": "aac"}))
    return path


def frame_numbers(path: Path) -> list[int]:
    """Which frames of a `counting_clip` a file shows, in order."""
    return [round((float(np.median(grey)) - 20) / GREY_STEP) for grey in grey_frames(path)]


def grey_frames(path: Path) -> list[NDArray[np.float32]]:
    """The brightness of every frame as the file stores it, of shape (height, width)."""
    with av.open(path) as container:
        return [
            np.asarray(frame.to_ndarray(format="yuv420p")[: frame.height], np.float32)
            for frame in container.decode(video=0)
        ]


def shape(path: Path) -> Shape:
    ends = {"video": 0.0, "audio": 0.0}
    frames = 0
    with av.open(path) as container:
        for packet in container.demux():
            if packet.pts is None or packet.stream.type not in ends:
                continue
            frames += packet.stream.type == "video"
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            ends[packet.stream.type] = max(ends[packet.stream.type], end)
    return Shape(ends["video"], ends["audio"], frames)


def sound(path: Path) -> Audio:
    return read_audio(path.read_bytes())


def onset(audio: Audio, level: float = 0.05) -> float:
    """When the sound first exceeds the level, in seconds."""
    return float(np.flatnonzero(np.abs(audio.samples) > level)[0]) / audio.sample_rate


def tone(
    seconds: float,
    *,
    at: float = 0.0,
    until: float | None = None,
    sample_rate: int = 24_000,
    level: float = 0.5,
) -> Audio:
    """Silence with a 440 Hz tone from `at` to `until`; a `level` of 1 is full scale."""
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    heard = (times >= at) & (times < (seconds if until is None else until))
    wave = np.where(heard, level * np.sin(2 * np.pi * 440 * (times - at)), 0.0)
    return Audio(wave.astype(np.float32), sample_rate)


def tone_file(path: Path, seconds: float, *, at: float = 0.0, level: float = 0.5) -> Path:
    path.write_bytes(write_wav(tone(seconds, at=at, level=level)))
    return path
