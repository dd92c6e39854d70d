"""Videos made from a video alone: a cut, a preview, a thumbnail."""

import asyncio
from math import floor
from pathlib import Path

from app.core.errors import ErrorCode, Problem
from app.media.ffmpeg import FFmpegWrapper, ProgressCallback, media_input, media_output
from app.media.filters import MIX_SAMPLE_RATE, in_stereo, lasting, on_the_clock, shown_picture, shown_size
from app.media.probe import MediaInfo

# Longer than any frame stays on screen, so the one shown at the cut is decoded too.
LEAD_SECONDS = 2.0
# Some containers keep times in whole milliseconds.
CLOCK_TOLERANCE = 0.002
PREVIEW_SECONDS = 60.0
PREVIEW_SHORT_SIDE = 360
PREVIEW_RATE = 15
THUMBNAIL_WIDTH = 640
THUMBNAIL_CANDIDATES = 10
MP4 = {"f": "mp4", "movflags": "+faststart", "c:v": "libx264", "preset": "veryfast", "map_chapters": "-1"}
JPEG: dict[str, str | int] = {"f": "mjpeg", "pix_fmt": "yuvj420p", "frames:v": 1, "q:v": 4}
AAC = {"c:a": "aac", "aac_coder": "fast", "b:a": "192k"}


async def cut(
    ffmpeg: FFmpegWrapper,
    source: Path,
    info: MediaInfo,
    start: float,
    end: float,
    out: Path,
    on_progress: ProgressCallback | None = None,
) -> None:
    """An MP4 of the video from `start` to `end` (seconds), exact to the frame, at a constant rate.

    It opens on the picture that is on screen at `start`, and keeps the default audio track. Raises
    `Problem` as `FFmpegWrapper.run` does.
    """
    length = end - start
    rate = info.video.grid_rate
    frames = max(1, round(length * rate))
    lead_frames = floor(min(LEAD_SECONDS, start) * rate)
    lead = float(lead_frames / rate)
    clip = media_input(source, ss=start - lead, t=lead + length)
    picture = (
        shown_picture(clip, info.video)
        # Rounding up puts on each tick of the grid the last frame that came before it.
        .filter("setpts", f"PTS-{CLOCK_TOLERANCE}/TB")
        .filter("fps", str(rate), start_time=0, round="up")
        .filter("tpad", stop_mode="clone", stop=-1)
        .filter("trim", start_frame=lead_frames, end_frame=lead_frames + frames)
        .filter("setpts", "PTS-STARTPTS")
    )
    streams = [picture]
    if info.default_audio is not None:
        sound = on_the_clock(clip, info.default_audio, MIX_SAMPLE_RATE)
        opened = sound.filter("atrim", start=lead).filter("asetpts", "PTS-STARTPTS")
        streams.append(lasting(opened, length))
    graph = media_output(out, *streams, crf=19, **MP4, **AAC)
    await ffmpeg.run(graph, duration=length, on_progress=on_progress)


async def preview(
    ffmpeg: FFmpegWrapper,
    source: Path,
    info: MediaInfo,
    out: Path,
    on_progress: ProgressCallback | None = None,
) -> None:
    """A small MP4 of the first minute: 360p, 15 frames a second, with sound."""
    length = min(PREVIEW_SECONDS, info.duration)
    clip = media_input(source, t=length)
    picture = shown_picture(clip, info.video, shown_size(info.video, PREVIEW_SHORT_SIDE))
    streams = [picture.filter("fps", str(min(PREVIEW_RATE, info.video.frame_rate)))]
    if info.default_audio is not None:
        sound = on_the_clock(clip, info.default_audio, MIX_SAMPLE_RATE)
        streams.append(in_stereo(sound, info.default_audio.channels))
    graph = media_output(out, *streams, crf=28, **MP4, **(AAC | {"b:a": "64k"}))
    await ffmpeg.run(graph, duration=length, on_progress=on_progress)


async def thumbnail(ffmpeg: FFmpegWrapper, source: Path, info: MediaInfo, out: Path) -> None:
    """A JPEG at most 640 pixels wide, of a keyframe that is typical of those after the first tenth."""
    start = min(PREVIEW_SECONDS, info.duration * 0.1)
    keyframes = media_input(source, ss=start, skip_frame="nokey", noaccurate_seek=None)
    width, height = info.video.width, info.video.height
    shrink = min(1.0, THUMBNAIL_WIDTH / width)
    picture = shown_picture(
        keyframes, info.video, (max(2, round(width * shrink)), max(2, round(height * shrink)))
    )
    typical = picture.filter("thumbnail", THUMBNAIL_CANDIDATES).filter("setpts", "PTS-STARTPTS")
    await ffmpeg.run(media_output(out, typical.filter("scale", out_range="full"), **JPEG))
    if not await asyncio.to_thread(_has_content, out):
        raise Problem(ErrorCode.FFMPEG_FAILED, reason="no keyframe to show")


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
