"""FFmpegVideoEditor: the dubbed video out of its picture, its sounds and its subtitles."""

from dataclasses import dataclass
from pathlib import Path

import ffmpeg
from ffmpeg.nodes import FilterableStream

from app.core.errors import ErrorCode, Problem
from app.media.ffmpeg import FFmpegWrapper, ProgressCallback, media_input, media_output
from app.media.filters import MIX_SAMPLE_RATE, in_stereo, lasting, on_the_clock
from app.media.probe import AudioStream, MediaInfo
from app.render.output import Options, OutputFormatter

ORIGINAL_TITLE = "Original"
# What the index of an MP4 file takes: of its own, for each frame and for each second of a track.
INDEX_BYTES = 32_768
FRAME_BYTES = 20
VARIABLE_FRAME_BYTES = 28
SOUND_BYTES_A_SECOND = 700
TEXT_BYTES_A_SECOND = 32


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """A file with finished sound alone, as long as the video. `language` is an ISO 639-2 code."""

    path: Path
    language: str
    title: str


@dataclass(frozen=True, slots=True)
class SoftSubtitles:
    """An SRT file for viewers to turn on and off. `language` is an ISO 639-2 code."""

    path: Path
    language: str


@dataclass(frozen=True, slots=True)
class MuxJob:
    """A dub to write to `target`.

    `picture` is a file with the picture alone, None to copy the source's. The first of the `sounds` is what
    players choose; `original_language` (ISO 639-2) is there if the original is to follow them, and the
    first of the `subtitles` is shown unless a viewer turns it off.
    """

    source: Path
    info: MediaInfo
    picture: Path | None
    sounds: tuple[SoundTrack, ...]
    original_language: str | None
    subtitles: tuple[SoftSubtitles, ...]
    output: OutputFormatter
    target: Path


class FFmpegVideoEditor:
    """Composes dubbed videos."""

    def __init__(self, ffmpeg_wrapper: FFmpegWrapper) -> None:
        self._ffmpeg = ffmpeg_wrapper

    async def mux(self, job: MuxJob, on_progress: ProgressCallback | None = None) -> None:
        """Writes the dub. Everything is copied, but for an original that the container does not take, which
        is encoded. Raises `Problem` as `FFmpegWrapper.run` does."""
        index_bytes = _index_bytes(job) if job.output.has_index else None
        try:
            await self._write(job, index_bytes, on_progress)
        except Problem as problem:
            if index_bytes is None or problem.code is not ErrorCode.FFMPEG_FAILED:
                raise
            await self._write(job, None, on_progress)

    async def _write(
        self, job: MuxJob, index_bytes: int | None, on_progress: ProgressCallback | None
    ) -> None:
        source = media_input(job.source)
        sounds = [media_input(sound.path)["a"] for sound in job.sounds]
        texts = [ffmpeg.input(str(text.path.absolute()), f="srt")["s"] for text in job.subtitles]
        streams = [_picture(source, job), *sounds, *_original(source, job), *texts]
        options = _picture_options(job) | _sound_options(job) | _subtitle_options(job)
        container = job.output.container(index_bytes)
        graph = media_output(job.target, *streams, **options, **container)
        await self._ffmpeg.run(graph, duration=job.info.duration, on_progress=on_progress)


def _index_bytes(job: MuxJob) -> int:
    """More than the index of nearly every such file takes; of the rest, the file is written twice."""
    video, seconds = job.info.video, job.info.duration
    picture = float(video.frame_rate) * (VARIABLE_FRAME_BYTES if video.variable_rate else FRAME_BYTES)
    sounds = (len(job.sounds) + (_kept_original(job) is not None)) * SOUND_BYTES_A_SECOND
    texts = len(job.subtitles) * TEXT_BYTES_A_SECOND
    return INDEX_BYTES + round(seconds * (picture + sounds + texts))


def _picture(source: FilterableStream, job: MuxJob) -> FilterableStream:
    if job.picture is None:
        return source[str(job.info.video.index)]
    # FFmpeg takes the first frame of a file for its beginning; it is where the source's is.
    return media_input(job.picture, itsoffset=job.info.video.start)["v"]


def _picture_options(job: MuxJob) -> Options:
    return {"c:v": "copy"} if job.picture is not None else {**job.output.copied_video(job.info)}


def _kept_original(job: MuxJob) -> AudioStream | None:
    return None if job.original_language is None else job.info.default_audio


def _original(source: FilterableStream, job: MuxJob) -> list[FilterableStream]:
    track = _kept_original(job)
    if track is None:
        return []
    if job.output.copies_sound(job.info, track):
        return [source[str(track.index)]]
    stereo = in_stereo(on_the_clock(source, track, MIX_SAMPLE_RATE), track.channels)
    return [lasting(stereo, job.info.duration)]


def _sound_options(job: MuxJob) -> Options:
    options: Options = {}
    for index, sound in enumerate(job.sounds):
        options |= {f"c:a:{index}": "copy"} | _labels("a", index, sound.language)
        options |= _title(job, index, sound.title)
    original, index = _kept_original(job), len(job.sounds)
    if original is not None:
        copied = job.output.copies_sound(job.info, original)
        options |= {f"c:a:{index}": "copy"} if copied else job.output.encoded_sound(index)
        options |= _labels("a", index, original.language or job.original_language or "und")
        options |= _title(job, index, ORIGINAL_TITLE)
    return options


def _subtitle_options(job: MuxJob) -> Options:
    options: Options = {"c:s": job.output.subtitle_codec} if job.subtitles else {}
    for index, text in enumerate(job.subtitles):
        options |= _labels("s", index, text.language)
    return options


def _labels(kind: str, index: int, language: str) -> Options:
    """The first track of a kind is the one that players choose."""
    disposition = "0" if index else "default"
    return {f"metadata:s:{kind}:{index}": f"language={language}", f"disposition:{kind}:{index}": disposition}


def _title(job: MuxJob, sound: int, title: str) -> Options:
    # The picture comes before the sounds. By its number in the file, as no option can be given twice.
    return {f"metadata:s:{1 + sound}": f"{job.output.title_tag}={title}"}
