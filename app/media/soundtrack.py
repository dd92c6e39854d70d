"""Soundtrack: any stretch of a video's own sound, exact to the sample and decoded once."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.media.audio import Samples, runs
from app.media.ffmpeg import FFmpegWrapper, media_input, media_output
from app.media.filters import MIX_SAMPLE_RATE, in_stereo, on_the_clock
from app.media.formats import READABLE_FORMATS
from app.media.probe import AudioStream, MediaInfo

# A decoder has found its feet by then. Whole seconds are whole samples at every rate there is.
PREROLL_SECONDS = 2
BLOCK_SAMPLES = 150 * MIX_SAMPLE_RATE
# Kept at half its level, so that a decoder's overshoots and a downmix to stereo are not clipped.
HEADROOM = 2.0
_PCM = np.dtype("<i2")
_FRAME_BYTES = 2 * _PCM.itemsize


@dataclass(frozen=True, slots=True)
class _Block:
    """What is decoded from one sample up to and without another."""

    start: int
    end: int
    path: Path


class Soundtrack:
    """The default audio track in stereo at 48 kHz on the file's clock: silence before a late start, in gaps
    and after its end, and all of it where there is no track.

    It is decoded in blocks, those that are asked for. They begin at fixed places, so that the same samples
    come out whatever was asked for before: decoders fill in noise that depends on where they began. Where
    the file does not tell exactly which sample a packet begins with, the whole is one block. What was
    decoded stays in `folder`.
    """

    def __init__(self, ffmpeg: FFmpegWrapper, video: Path, info: MediaInfo, folder: Path) -> None:
        self._ffmpeg = ffmpeg
        self._video = video
        self._track = info.default_audio
        self._samples = round(info.duration * MIX_SAMPLE_RATE)
        self._folder = folder
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._blocks: dict[int, _Block] = {}
        self._wanted_whole = False
        self._exact: bool | None = None

    @property
    def stream_index(self) -> int | None:
        return None if self._track is None else self._track.index

    async def samples(self, start: int, end: int, *, alone: bool = False) -> Samples:
        """From one sample up to and without another, of shape (2, samples). Raises as `FFmpegWrapper.run`.

        What is asked for `alone` has hardly anything to follow it: no more is decoded than it takes, until
        more is asked for after all.
        """
        if self._track is None:
            return np.zeros((2, end - start), np.float32)
        self._wanted_whole |= not alone
        size = BLOCK_SAMPLES if await self._is_exact(self._track) else max(1, self._samples)
        firsts = range(start // size * size, min(end, self._samples), size)
        blocks = [
            await self._decoded(self._track, first, min(first + size, self._samples), end) for first in firsts
        ]
        return await asyncio.to_thread(_read, blocks, start, end)

    async def _decoded(self, track: AudioStream, first: int, last: int, wanted: int) -> _Block:
        """The block from `first` to `last`, or the beginning of it as far as it is `wanted`."""
        async with self._turns[first]:
            known = self._blocks.get(first)
            if known is not None and known.end >= min(wanted, last):
                return known
            self._wanted_whole |= known is not None
            end = last if self._wanted_whole else min(wanted, last)
            # A beginning is left as it is: it may be read just now.
            block = _Block(first, end, self._folder / f"original-{first}-{end}.pcm")
            await self._decode(track, block)
            self._blocks[first] = block
            return block

    async def _is_exact(self, track: AudioStream) -> bool:
        if self._exact is None:
            self._exact = await asyncio.to_thread(seeks_exactly, self._video, track)
        return self._exact

    async def _decode(self, track: AudioStream, block: _Block) -> None:
        lead = max(0, block.start // MIX_SAMPLE_RATE - PREROLL_SECONDS)
        seek = {"ss": lead} if lead else {}
        first, last = block.start - lead * MIX_SAMPLE_RATE, block.end - lead * MIX_SAMPLE_RATE
        source = media_input(self._video, **seek, t=last / MIX_SAMPLE_RATE + 1)
        stereo = in_stereo(on_the_clock(source, track, MIX_SAMPLE_RATE), track.channels)
        sound = stereo.filter("volume", 1 / HEADROOM).filter("apad", whole_len=last)
        exact = sound.filter("atrim", start_sample=first, end_sample=last)
        graph = media_output(block.path, exact, f="s16le", **{"c:a": "pcm_s16le"})
        await self._ffmpeg.run(graph)


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


def _read(blocks: Sequence[_Block], start: int, end: int) -> Samples:
    samples = np.zeros((2, end - start), np.float32)
    for block in blocks:
        first, last = max(start, block.start), min(end, block.end)
        _read_block(block, first, samples[:, first - start : last - start])
    return samples


def _read_block(block: _Block, first: int, samples: Samples) -> None:
    with block.path.open("rb") as file:
        file.seek((first - block.start) * _FRAME_BYTES)
        for run in runs(samples.shape[1]):
            data = np.frombuffer(file.read((run.stop - run.start) * _FRAME_BYTES), _PCM).reshape(-1, 2)
            there = samples[:, run.start : run.start + len(data)]
            np.multiply(data.T, np.float32(HEADROOM / 32768), out=there)
