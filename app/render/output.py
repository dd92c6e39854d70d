"""OutputFormatter: how each output format is written, and what may go into it as it is."""

from dataclasses import dataclass
from typing import Literal

from app.media.probe import MediaInfo

OutputFormat = Literal["mp4", "mov", "webm"]
OutputQuality = Literal["low", "medium", "high"]
Options = dict[str, str | int]

# A smaller number is a better picture and a larger file.
H264_CRF: dict[OutputQuality, int] = {"low": 28, "medium": 23, "high": 19}
VP9_CRF: dict[OutputQuality, int] = {"low": 42, "medium": 36, "high": 30}
AUDIO_BIT_RATE: dict[OutputQuality, str] = {"low": "96k", "medium": "128k", "high": "192k"}

MIME_TYPES: dict[OutputFormat, str] = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}
COPIED_CODECS: dict[OutputFormat, frozenset[str]] = {
    "mp4": frozenset({"h264", "hevc", "av1"}),
    "mov": frozenset({"h264", "hevc", "prores"}),
    "webm": frozenset({"vp8", "vp9", "av1"}),
}
PLAYABLE_H264 = frozenset({"yuv420p", "yuvj420p"})


@dataclass(frozen=True, slots=True)
class OutputFormatter:
    """FFmpeg's output options for a format and a quality."""

    output_format: OutputFormat
    quality: OutputQuality = "high"

    @property
    def mime_type(self) -> str:
        return MIME_TYPES[self.output_format]

    def copies(self, info: MediaInfo) -> bool:
        """Whether the picture can go in untouched: faster by far, and nothing is lost."""
        if info.container == "avi":  # its packets carry no presentation times
            return False
        if info.video.codec == "h264" and info.video.pixel_format not in PLAYABLE_H264:
            return False
        if self.output_format == "webm" and info.video.rotation:  # WebM cannot say which way is up
            return False
        return info.video.codec in COPIED_CODECS[self.output_format]

    def copied_video(self, info: MediaInfo) -> Options:
        copied: Options = {"c:v": "copy"}
        if info.video.codec == "hevc":  # Apple's players want this tag
            copied["tag:v"] = "hvc1"
        return copied

    def encoded_video(self) -> Options:
        """Frames keep their own times, so a variable rate stays one."""
        timing: Options = {"fps_mode:v": "vfr", "enc_time_base:v": "demux"}
        if self.output_format == "webm":
            speed: Options = {"deadline": "realtime", "cpu-used": 8, "row-mt": 1}
            return timing | speed | {"c:v": "libvpx-vp9", "b:v": 0, "crf": VP9_CRF[self.quality]}
        return timing | {"c:v": "libx264", "preset": "veryfast", "crf": H264_CRF[self.quality]}

    def encoded_audio(self) -> Options:
        bit_rate: Options = {"b:a": AUDIO_BIT_RATE[self.quality]}
        if self.output_format == "webm":
            return bit_rate | {"c:a": "libopus"}
        return bit_rate | {"c:a": "aac", "aac_coder": "fast"}

    def container(self) -> Options:
        if self.output_format == "webm":
            return {"f": "webm"}
        return {"f": self.output_format, "movflags": "+faststart"}
