"""FFmpegVideoEditor: the dubbed video out of the picture, the original sound and the voice."""

from dataclasses import dataclass
from pathlib import Path

import ffmpeg
from ffmpeg.nodes import FilterableStream

from app.media.ffmpeg import FFmpegWrapper, ProgressCallback, media_input, media_output
from app.media.filters import MIX_SAMPLE_RATE, in_stereo, lasting, on_the_clock, shown_picture
from app.media.probe import MediaInfo
from app.render.burner import SubtitleFile, burn_in
from app.render.output import Options, OutputFormatter

LIMIT = 0.97


@dataclass(frozen=True, slots=True)
class RenderJob:
    """A dub to write to `target`.

    `voice` is a mono wav file on the video's clock, of any length. `original_audio_volume` from 0 (left
    out) to 1. `language` is the ISO 639-2 code of what the voice speaks. `subtitles` are burned
    in where there are any.
    """

    source: Path
    info: MediaInfo
    voice: Path
    original_audio_volume: float
    language: str
    output: OutputFormatter
    target: Path
    subtitles: SubtitleFile | None = None


class FFmpegVideoEditor:
    """Composes dubbed videos."""

    def __init__(self, ffmpeg_wrapper: FFmpegWrapper) -> None:
        self._ffmpeg = ffmpeg_wrapper

    async def render_dub(self, job: RenderJob, on_progress: ProgressCallback | None = None) -> None:
        """Writes the dub, as long as the source. The picture is copied where the format allows it and
        nothing is burned in, and encoded otherwise. Raises `Problem` as `FFmpegWrapper.run` does."""
        source = media_input(job.source)
        picture, picture_options = _picture(source, job)
        options = {
            **picture_options,
            **job.output.encoded_audio(),
            **job.output.container(),
            "metadata:s:a:0": f"language={job.language}",
        }
        graph = media_output(job.target, picture, _sound(source, job), **options)
        await self._ffmpeg.run(graph, duration=job.info.duration, on_progress=on_progress)


def _picture(source: FilterableStream, job: RenderJob) -> tuple[FilterableStream, Options]:
    if job.subtitles is not None:
        return burn_in(shown_picture(source, job.info.video), job.subtitles), job.output.encoded_video()
    if job.output.copies(job.info):
        return source[str(job.info.video.index)], job.output.copied_video(job.info)
    return shown_picture(source, job.info.video), job.output.encoded_video()


def _sound(source: FilterableStream, job: RenderJob) -> FilterableStream:
    """The voice over the original at its volume, in stereo, exactly as long as the video."""
    sound = in_stereo(media_input(job.voice).filter("aresample", MIX_SAMPLE_RATE), channels=1)
    original = job.info.default_audio
    if original is not None and job.original_audio_volume > 0:
        stereo = in_stereo(on_the_clock(source, original, MIX_SAMPLE_RATE), original.channels)
        sound = _mixed(stereo.filter("volume", job.original_audio_volume), sound)
    limited = sound.filter("alimiter", limit=LIMIT, level=0, latency=1)
    return lasting(limited, job.info.duration)


def _mixed(one: FilterableStream, other: FilterableStream) -> FilterableStream:
    mixed = ffmpeg.filter([one, other], "amix", inputs=2, duration="longest", normalize=0)
    # The mixer forgets the time of its last frame, which would then be lost.
    return mixed.filter("asetpts", "N/SR/TB")
