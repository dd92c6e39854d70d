"""Small valid media files, and damaged ones made of them: the same at every run."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from app.media.ffmpeg import find_ffmpeg

CONTAINERS = ("mp4", "mov", "mkv", "webm", "avi", "ts", "flv", "ogv", "mpg")
ENCODINGS = {
    "webm": ("libvpx-vp9", "libopus"),
    "ogv": ("libtheora", "libopus"),
    "mpg": ("mpeg2video", "mp2"),
    "avi": ("mpeg4", "libmp3lame"),
}
EXTREMES = (
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\x00\x00\x00\x01",
)


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file and how it came to be."""

    name: str
    content: bytes


def make_seeds(folder: Path) -> list[Path]:
    """Half a second of picture and sound in each container that this FFmpeg can write."""
    seeds = [folder / f"seed.{container}" for container in CONTAINERS]
    return [seed for seed in seeds if _made(seed)]


def damaged(seeds: list[Path], count: int) -> Iterator[Damaged]:
    """`count` files, each container and each kind of damage as often as the others."""
    contents = [(seed.suffix, seed.read_bytes()) for seed in seeds]
    for number in range(count):
        suffix, content = contents[number % len(contents)]
        damage = DAMAGES[number // len(contents) % len(DAMAGES)]
        random = Random(number)
        yield Damaged(f"{number}-{damage.__name__.strip('_')}{suffix}", damage(content, random))


def _made(seed: Path) -> bool:
    video, audio = ENCODINGS.get(seed.suffix[1:], ("libx264", "aac"))
    command = [str(find_ffmpeg(None)), "-v", "error", "-y"]
    command += ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.5"]
    command += ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.5"]
    command += ["-c:v", video, "-pix_fmt", "yuv420p", "-c:a", audio, str(seed)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _flips(content: bytes, random: Random) -> bytes:
    """Single bytes, anywhere."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 40)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _head(content: bytes, random: Random) -> bytes:
    """Single bytes where the headers are."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 20)):
        changed[random.randrange(min(1024, len(changed)))] = random.randrange(256)
    return bytes(changed)


def _sizes(content: bytes, random: Random) -> bytes:
    """Numbers that are as large, small or negative as can be."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 8)):
        place = random.randrange(max(1, len(changed) - 4))
        changed[place : place + 4] = random.choice(EXTREMES)
    return bytes(changed)


def _index(content: bytes, random: Random) -> bytes:
    """The same in the index at the end of many files."""
    middle = len(content) * 3 // 4
    return content[:middle] + _sizes(content[middle:], random)


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randint(1, len(content) - 1)]


def _doubled(content: bytes, random: Random) -> bytes:
    """A stretch comes twice."""
    start = random.randrange(len(content))
    end = min(len(content), start + random.randint(1, 4096))
    return content[:end] + content[start:]


def _gone(content: bytes, random: Random) -> bytes:
    """A stretch is missing."""
    start = random.randrange(len(content))
    return content[:start] + content[start + random.randint(1, 2048) :]


def _zeroed(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content))
    length = min(random.randint(1, 2048), len(content) - start)
    return content[:start] + bytes(length) + content[start + length :]


DAMAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flips,
    _head,
    _sizes,
    _index,
    _cut,
    _doubled,
    _gone,
    _zeroed,
)
