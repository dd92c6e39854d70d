"""AudioExtractor: the speech of a video as a recording that engines take."""

from pathlib import Path
from typing import Literal

from app.core.errors import ErrorCode, Problem
from app.media.ffmpeg import FFmpegWrapper, ProgressCallback, media_input, media_output
from app.media.filters import on_the_clock
from app.media.probe import AudioStream, MediaInfo
from app.media.silence import Clip

ClipFormat = Literal["wav", "flac"]

SPEECH_SAMPLE_RATE = 16_000
CLIP_OPTIONS: dict[ClipFormat, dict[str, str]] = {
    "wav": {"f": "wav", "c:a": "pcm_s16le"},
    "flac": {"f": "flac", "c:a": "flac", "sample_fmt": "s16"},
}


class AudioExtractor:
    """Takes the sound out of videos and cuts it."""

    def __init__(self, ffmpeg_wrapper: FFmpegWrapper) -> None:
        self._ffmpeg = ffmpeg_wrapper

    async def extract_speech(
        self, video: Path, info: MediaInfo, out: Path, on_progress: ProgressCallback | None = None
    ) -> None:
        """The default audio track as a 16 kHz mono 16-bit wav file on the video's clock.

        A track that starts late is preceded by silence. Raises `Problem(NO_AUDIO_TRACK)`, and as
        `FFmpegWrapper.run` does.
        """
        track = info.default_audio
        if track is None:
            raise Problem(ErrorCode.NO_AUDIO_TRACK)
        sound = on_the_clock(media_input(video), track, SPEECH_SAMPLE_RATE)
        mono = sound.filter("pan", args=f"mono|c0={_speech_mix(track)}")
        graph = media_output(out, mono, **CLIP_OPTIONS["wav"])
        await self._ffmpeg.run(graph, duration=info.duration, on_progress=on_progress)

    async def cut_clip(self, wav: Path, clip: Clip, audio_format: ClipFormat, out: Path) -> None:
        """A part of an extracted recording as a file of its own. Raises as `FFmpegWrapper.run` does."""
        part = media_input(wav, ss=clip.start, t=clip.end - clip.start)
        graph = media_output(out, part["a"], **CLIP_OPTIONS[audio_format])
        await self._ffmpeg.run(graph)


def _speech_mix(track: AudioStream) -> str:
    """How the channels add up: dialogue is in the centre where there is one."""
    if track.layout.startswith(("5.", "7.")):
        return "0.6*FC+0.2*FL+0.2*FR"
    share = 1 / track.channels
    return "+".join(f"{share:.4f}*c{channel}" for channel in range(track.channels))
