"""OutputFormatter: how each output format is written, and what may go into it as it is."""

from dataclasses import dataclass
from typing import Literal

from app.media.probe import AudioStream, MediaInfo
from app.media.sound_parts import SoundCodec, aac, opus

OutputFormat = Literal["mp4", "mov", "webm"]
OutputQuality = Literal["low", "medium", "high"]
Options = dict[str, str | int]

# A smaller number is a better picture and a larger file.
H264_CRF: dict[OutputQuality, int] = {"low": 28, "medium": 23, "high": 19}
VP9_CRF: dict[OutputQuality, int] = {"low": 42, "medium": 36, "high": 30}
AUDIO_BIT_RATE: dict[OutputQuality, int] = {"low": 96_000, "medium": 128_000, "high": 192_000}

MIME_TYPES: dict[OutputFormat, str] = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}
COPIED_CODECS: dict[OutputFormat, frozenset[str]] = {
    "mp4": frozenset({"h264", "hevc", "av1"}),
    "mov": frozenset({"h264", "hevc", "prores"}),
    "webm": frozenset({"vp8", "vp9", "av1"}),
}
COPIED_SOUND: dict[OutputFormat, frozenset[str]] = {
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"}),
    "mov": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le"}),
    "webm": frozenset({"opus", "vorbis"}),
}
TIMED_CONTAINERS = ("mov", "matroska")
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
        # What is encoded in parts has one header then, and can be joined. With a thread of its own that looks
        # ahead, one or two of a hundred runs on a loaded machine come out otherwise (measured on 400).
        alike: Options = {"x264-params": "stitchable=1:sync-lookahead=0"}
        return timing | alike | {"c:v": "libx264", "preset": "veryfast", "crf": H264_CRF[self.quality]}

    def copies_sound(self, info: MediaInfo, track: AudioStream) -> bool:
        """Whether an audio track can go in untouched: other containers leave its times in doubt."""
        return info.container.startswith(TIMED_CONTAINERS) and track.codec in COPIED_SOUND[self.output_format]

    def encoded_sound(self, track: int) -> Options:
        """For the audio track of that number in the output."""
        codec = self.sound_codec
        options: Options = {f"{name}:a:{track}": value for name, value in codec.options}
        return options | {f"c:a:{track}": codec.encoder, f"b:a:{track}": codec.bit_rate}

    @property
    def sound_codec(self) -> SoundCodec:
        """What a dub's sound is encoded with."""
        bit_rate = AUDIO_BIT_RATE[self.quality]
        return opus(bit_rate) if self.output_format == "webm" else aac(bit_rate)

    @property
    def subtitle_codec(self) -> str:
        """Of subtitles that can be turned on and off."""
        return "webvtt" if self.output_format == "webm" else "mov_text"

    @property
    def title_tag(self) -> str:
        """What a track's name is kept as: players show the handler's where a container has no titles."""
        return "title" if self.output_format == "webm" else "handler_name"

    @property
    def has_index(self) -> bool:
        """Of all packets, which a player has to have first."""
        return self.output_format != "webm"

    def container(self, index_bytes: int | None = None) -> Options:
        """A player can begin before it has all of the file. Where `index_bytes` are kept free for the file's
        index, it is written in one go, and writing fails if they are not enough."""
        if not self.has_index:
            return {"f": self.output_format}
        if index_bytes is None:
            return {"f": self.output_format, "movflags": "+faststart"}
        return {"f": self.output_format, "moov_size": index_bytes}
