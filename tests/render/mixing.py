"""A mixer with a memo of its own, films with a known sound, and what there is to hear in what it makes."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
from sqlalchemy import func, select

from app.core.database import Database
from app.core.identifiers import new_id
from app.media.audio import Audio, Samples, write_wav
from app.media.ffmpeg import FFmpegWrapper, find_ffmpeg
from app.media.probe import probe
from app.media.sound_parts import SAMPLE_RATE, SoundCodec, aac
from app.media.soundtrack import Soundtrack
from app.memo import Memo, MemoEntry
from app.render.ducking import Span
from app.render.measuring import DubMeasuring, PlannedClip
from app.render.parts import MixOptions, OriginalSound, SoundParts, VoiceLine
from app.render.sound import SoundMixer
from app.storage.manager import StorageManager

# So short that a film of some seconds has several.
PART_SAMPLES = 2 * 76_800
DEFAULT = MixOptions(original_volume=0.1, flat=False, loudness=-16.0)
AAC = aac(192_000)


@dataclass
class MixingDesk:
    """Mixes dubs of films; `identity` stands for the film's file."""

    folder: Path
    ffmpeg: FFmpegWrapper
    database: Database
    storage: StorageManager
    memo: Memo
    seen: list[tuple[int, int]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    async def clip(self, audio: Audio, start: float) -> PlannedClip:
        """Stores a voice under a key never used before."""
        key = f"memo/{new_id('clip')}"
        await self.storage.put_bytes(key, write_wav(audio))
        return PlannedClip(next(self._numbers), key, start, audio.duration)

    async def line(self, audio: Audio, start: float, slot: Span | None = None) -> VoiceLine:
        return VoiceLine(slot or Span(start, start + audio.duration), await self.clip(audio, start))

    async def mix(
        self,
        film: Path,
        lines: Sequence[VoiceLine],
        options: MixOptions = DEFAULT,
        codec: SoundCodec = AAC,
        identity: str = "film",
    ) -> Path:
        scratch = self.folder / new_id("mix")
        scratch.mkdir()
        info = probe(film)
        soundtrack = Soundtrack(self.ffmpeg, film, info, scratch)
        total = round(info.duration * SAMPLE_RATE)
        original = OriginalSound(identity, soundtrack, total, PART_SAMPLES)
        parts = SoundParts(self.memo, self.storage, original, codec, scratch)
        mixer = SoundMixer(parts, DubMeasuring(self.memo, self.storage))
        made = await mixer.make([lines], options, _alone, self._note)
        return made.file

    async def parts_made(self) -> int:
        """How many encoded parts the memo holds."""
        await self.memo.close()
        async with self.database.read() as session:
            query = select(func.count()).select_from(MemoEntry).where(MemoEntry.kind == "sound")
            return int(await session.scalar(query) or 0)

    def _note(self, done: int, total: int) -> None:
        self.seen.append((done, total))


async def _alone(sounds: Sequence[Path]) -> Path:
    (sound,) = sounds
    return sound


@dataclass(frozen=True)
class Heard:
    """Integrated loudness in LUFS and true peak in dBTP, as FFmpeg's meter reads them."""

    loudness: float
    true_peak: float


def measure(path: Path) -> Heard:
    command = [str(find_ffmpeg(None)), "-nostats", "-i", str(path), "-map", "a:0", "-af", "ebur128=peak=true"]
    log = subprocess.run([*command, "-f", "null", "-"], check=True, capture_output=True, text=True).stderr
    summary = log[log.rindex("Summary:") :]
    loudness, peak = (re.search(rf"{name}:\s+(-?[\d.]+|-inf)", summary) for name in ("I", "Peak"))
    assert loudness is not None
    assert peak is not None
    return Heard(float(loudness[1]), float(peak[1]))


def decode(path: Path) -> Samples:
    """The first audio track at 48 kHz, of shape (2, samples)."""
    command = [str(find_ffmpeg(None)), "-v", "error", "-i", str(path), "-map", "a:0", "-ac", "2"]
    raw = subprocess.run([*command, "-ar", "48000", "-f", "f32le", "-"], check=True, capture_output=True)
    return np.frombuffer(raw.stdout, np.float32).reshape(-1, 2).T


def film(path: Path, sound: str, seconds: float, *options: str) -> Path:
    """A small moving picture with what the FFmpeg source `sound` gives, lossless."""
    picture = f"testsrc2=size=64x48:rate=10:duration={seconds}"
    command = [str(find_ffmpeg(None)), "-v", "error", "-y", "-f", "lavfi", "-i", picture]
    command += ["-f", "lavfi", "-i", sound, "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast"]
    subprocess.run([*command, "-c:a", "alac", *options, str(path)], check=True)
    return path


def rms(samples: Samples, start: float, end: float) -> float:
    part = samples[..., round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    return float(np.sqrt(np.mean(np.square(part))))
