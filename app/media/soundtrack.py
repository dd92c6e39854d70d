"""Soundtrack: any stretch of a video's own sound, exact to the sample and decoded once."""

import asyncio
from pathlib import Path

import numpy as np

from app.media.audio import Samples
from app.media.ffmpeg import FFmpegWrapper, ProgressCallback, media_input, media_output
from app.media.filters import MIX_SAMPLE_RATE, in_stereo, on_the_clock
from app.media.formats import READABLE_FORMATS
from app.media.probe import AudioStream, MediaInfo

# A decoder has found its feet by then. Whole seconds are whole samples at every rate there is.
PREROLL_SECONDS = 2
STRETCHES_BEFORE_ALL = 4
# Kept at half its level, so that a decoder's overshoots and a downmix to stereo are not clipped.
HEADROOM = 2.0
_PCM = np.dtype("<i2")
_FRAME_BYTES = 2 * _PCM.itemsize


class Soundtrack:
    """The default audio track in stereo at 48 kHz on the file's clock: silence before a late start, in gaps
    and after its end, and all of it where there is no track.

    The first few stretches asked for are each decoded alone; when more are wanted, the whole track is, as it
    is at once where the file does not tell exactly which sample a packet begins with. What was decoded
    stays in `folder`.
    """

    def __init__(self, ffmpeg: FFmpegWrapper, video: Path, info: MediaInfo, folder: Path) -> None:
        self._ffmpeg = ffmpeg
        self._video = video
        self._track = info.default_audio
        self._duration = info.duration
        self._folder = folder
        self._turn = asyncio.Lock()
        self._stretches: dict[tuple[int, int], Path] = {}
        self._whole: Path | None = None
        self._exact: bool | None = None

    @property
    def stream_index(self) -> int | None:
        return None if self._track is None else self._track.index

    async def samples(self, start: int, end: int, on_progress: ProgressCallback | None = None) -> Samples:
        """From one sample up to and without another, of shape (2, samples). Raises as `FFmpegWrapper.run`."""
        if self._track is None:
            return np.zeros((2, end - start), np.float32)
        async with self._turn:
            path, offset = await self._decoded(self._track, start, end, on_progress)
        return await asyncio.to_thread(_read, path, start - offset, end - start)

    async def _decoded(
        self, track: AudioStream, start: int, end: int, on_progress: ProgressCallback | None
    ) -> tuple[Path, int]:
        """A file with the stretch in it, and which sample it begins with."""
        if self._whole is not None:
            return self._whole, 0
        if (start, end) in self._stretches:
            return self._stretches[start, end], start
        if len(self._stretches) < STRETCHES_BEFORE_ALL and await self._is_exact(track):
            path = self._folder / f"original-{start}-{end}.pcm"
            await self._decode(track, start, end, path)
            self._stretches[start, end] = path
            return path, start
        whole = self._folder / "original.pcm"
        await self._decode(track, 0, round(self._duration * MIX_SAMPLE_RATE), whole, on_progress)
        self._whole = whole
        return whole, 0

    async def _is_exact(self, track: AudioStream) -> bool:
        if self._exact is None:
            self._exact = await asyncio.to_thread(seeks_exactly, self._video, track)
        return self._exact

    async def _decode(
        self,
        track: AudioStream,
        start: int,
        end: int,
        out: Path,
        on_progress: ProgressCallback | None = None,
    ) -> None:
        lead = max(0, start // MIX_SAMPLE_RATE - PREROLL_SECONDS)
        seek = {"ss": lead} if lead else {}
        first, last = start - lead * MIX_SAMPLE_RATE, end - lead * MIX_SAMPLE_RATE
        source = media_input(self._video, **seek, t=last / MIX_SAMPLE_RATE + 1)
        stereo = in_stereo(on_the_clock(source, track, MIX_SAMPLE_RATE), track.channels)
        sound = stereo.filter("volume", 1 / HEADROOM).filter("apad", whole_len=last)
        exact = sound.filter("atrim", start_sample=first, end_sample=last)
        graph = media_output(out, exact, f="s16le", **{"c:a": "pcm_s16le"})
        await self._ffmpeg.run(graph, duration=last / MIX_SAMPLE_RATE, on_progress=on_progress)


def seeks_exactly(video: Path, track: AudioStream) -> bool:
    """Whether a file tells to the sample where each packet of a track begins: an MP4 or MOV with an index,
    frames of one length and no gap between them. Blocking."""
    import av

    with video.open("rb") as file, av.open(file, "r", options=READABLE_FORMATS) as container:
        stream = container.streams[track.index]
        frame = getattr(stream.codec_context, "frame_size", 0)
        if not container.format.name.startswith("mov") or not frame or not stream.frames:
            return False
        counts_samples = stream.time_base is not None and stream.time_base.denominator == track.sample_rate
        without_gaps = abs((stream.duration or 0) - stream.frames * frame) <= 2 * frame
        return counts_samples and without_gaps


def _read(pcm: Path, first: int, count: int) -> Samples:
    with pcm.open("rb") as file:
        file.seek(first * _FRAME_BYTES)
        data = np.frombuffer(file.read(count * _FRAME_BYTES), _PCM).reshape(-1, 2)
    samples = data.T.astype(np.float32) * np.float32(HEADROOM / 32768)
    return np.pad(samples, ((0, 0), (0, count - samples.shape[1])))
