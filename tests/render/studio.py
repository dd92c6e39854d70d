"""Finished files made on the spot, and what measures them."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.media.audio import Audio, write_wav
from app.media.ffmpeg import find_ffmpeg
from app.memo import Memo
from app.render.measuring import DubMeasuring, MeasuredTrack, PlannedClip
from app.storage.manager import StorageManager


@dataclass(frozen=True, slots=True)
class Codecs:
    """FFmpeg's encoders."""

    picture: str
    sound: str


CODECS = {
    ".mp4": Codecs("libx264", "aac"),
    ".webm": Codecs("libvpx-vp9", "libopus"),
    ".mov": Codecs("mjpeg", "pcm_s16le"),
}


def encode(path: Path, *sounds: Audio) -> Path:
    """A video with an audio track for each sound."""
    seconds = sounds[0].duration
    command = [str(find_ffmpeg(None)), "-v", "error", "-y", "-f", "lavfi"]
    command += ["-i", f"color=size=64x48:rate=2:duration={seconds}"]
    maps = ["-map", "0"]
    for number, sound in enumerate(sounds, start=1):
        wav = path.with_suffix(f".{number}.wav")
        wav.write_bytes(write_wav(sound))
        command += ["-i", str(wav)]
        maps += ["-map", str(number)]
    codecs = CODECS[path.suffix]
    voice = ["-c:a", codecs.sound, "-b:a", "128k", "-af", "pan=stereo|c0=c0|c1=c0"]
    subprocess.run([*command, *maps, "-c:v", codecs.picture, *voice, str(path)], check=True)
    return path


class Studio:
    """Keeps clips as the speech stage would, and measures files against where they were placed."""

    def __init__(self, memo: Memo, storage: StorageManager, folder: Path) -> None:
        self.folder = folder
        self.memo = memo
        self.storage = storage
        self._measuring = DubMeasuring(memo, storage)
        self.progress: list[float] = []

    async def placed(self, number: int, clip: Audio, start: float) -> PlannedClip:
        key = f"memo/clip-{number}"
        await self.storage.put_bytes(key, write_wav(clip))
        return PlannedClip(number, key, start, clip.duration)

    async def measure(self, dub: Path, *tracks: Sequence[PlannedClip]) -> tuple[MeasuredTrack, ...]:
        return await self._measuring.tracks(dub, tracks, self.progress.append)

    async def measured_parts(self) -> int:
        keys = await self.storage.keys("memo/")
        return len([key for key in keys if "clip-" not in key])
