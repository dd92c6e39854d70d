"""What is in a video file, measured where the header cannot be trusted."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from app.core.errors import ErrorCode, Problem
from app.media.formats import MAX_PIXELS, MAX_STREAMS, READABLE_FORMATS

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from pydantic import TypeAdapter

MAX_DURATION = 24 * 3600.0
MAX_FRAME_RATE = 240
HDR_TRANSFERS = {16: "pq", 18: "hlg"}
TAIL_SECONDS = 5.0
TOLERANCE_SECONDS = 1.0
SNIFFED_BYTES = 4096
SEARCHED_FOR_ENCRYPTION = 1024**2
DECODE_ATTEMPTS = 300
ENCRYPTION_MARKS = (b"encv", b"enca", b"sinf")
CONTAINER_MARKS = (b"\x1aE\xdf\xa3", b"RIFF", b"FLV", b"\x00\x00\x01\xba", b"0&\xb2u", b"G")
BOX_MARKS = (b"ftyp", b"moov", b"mdat", b"free", b"wide")


@dataclass(frozen=True, slots=True)
class VideoStream:
    """`width` and `height` are what is shown: upright and with square pixels.

    `rotation` is clockwise degrees from the coded picture to the upright one, `frame_rate` the average,
    `grid_rate` the constant rate whose grid holds the frames' times, `start` seconds on the file's clock,
    and `hdr` the transfer function (`pq`, `hlg`) of a high dynamic range picture.
    """

    index: int
    codec: str
    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation: int
    frame_rate: Fraction
    grid_rate: Fraction
    pixel_format: str
    hdr: str | None
    start: float

    @property
    def variable_rate(self) -> bool:
        """Whether frames come at uneven times."""
        return abs(self.frame_rate / self.grid_rate - 1) > Fraction(1, 20)

    @property
    def resolution(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class AudioStream:
    """`start` is in seconds on the file's clock: how late the sound sets in. `language` is the file's tag."""

    index: int
    codec: str
    channels: int
    layout: str
    sample_rate: int
    language: str | None
    default: bool
    start: float


@dataclass(frozen=True, slots=True)
class SubtitleStream:
    """A subtitle track inside the file."""

    index: int
    codec: str
    language: str | None


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A file with a video track that decodes.

    The clock of every time here and in the product starts where the file's first stream starts;
    `duration` is in seconds.
    """

    container: str
    duration: float
    video: VideoStream
    audio: tuple[AudioStream, ...]
    subtitles: tuple[SubtitleStream, ...]

    @property
    def default_audio(self) -> AudioStream | None:
        """The track a player would choose."""
        return next((track for track in self.audio if track.default), self.audio[0] if self.audio else None)


def info_to_json(info: MediaInfo) -> dict[str, object]:
    """For a JSON column; `info_from_json` reads it back."""
    data: dict[str, object] = _as_json().dump_python(info, mode="json")
    return data


def info_from_json(data: dict[str, object]) -> MediaInfo:
    return _as_json().validate_python(data)


@cache
def _as_json() -> "TypeAdapter[MediaInfo]":
    """Made when it is first needed: a process that only probes is there sooner without it."""
    from pydantic import TypeAdapter

    return TypeAdapter(MediaInfo)


def probe(source: BinaryIO | Path) -> MediaInfo:
    """Reads the file's streams and decodes a frame; blocking, about 20 ms for a file in good order.

    Raises `Problem`: NOT_A_VIDEO with what was `found` instead, or VIDEO_UNREADABLE with the `reason`.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return _probe(file)
    return _probe(source)


def _probe(file: BinaryIO) -> MediaInfo:
    import av

    _refuse_other_files(file)
    try:
        with av.open(file, mode="r", options=READABLE_FORMATS) as container:
            return _describe(container)
    except av.FFmpegError as error:
        raise _refusal(file, error.strerror or str(error)) from error


def _describe(container: "InputContainer") -> MediaInfo:
    stream = _video_stream(container)
    frame = _first_frame(container, stream)
    origin = container.start_time / 1e6 if container.start_time else 0.0
    return MediaInfo(
        container=container.format.name,
        duration=_duration(container, origin),
        video=_video(stream, frame, origin),
        audio=tuple(_audio_streams(container, origin)),
        subtitles=tuple(
            SubtitleStream(track.index, track.codec_context.name, _language(track))
            for track in container.streams.subtitles
            if track.codec_context
        ),
    )


def _video_stream(container: "InputContainer") -> "av.VideoStream":
    """The first moving picture: cover art is a still one."""
    if len(container.streams) > MAX_STREAMS:
        raise _unreadable(f"it has more than {MAX_STREAMS} streams")
    pictures = [stream for stream in container.streams.video if stream.codec_context]
    moving = [stream for stream in pictures if not stream.disposition & _attached_picture()]
    if not moving:
        raise _not_a_video(_without_video(container))
    width, height = moving[0].codec_context.width, moving[0].codec_context.height
    if width * height > MAX_PIXELS:
        raise _unreadable(f"a picture of {width}x{height} is too large")
    return moving[0]


def _attached_picture() -> int:
    from av.stream import Disposition

    return Disposition.attached_pic


def _without_video(container: "InputContainer") -> str:
    if container.streams.video:
        return "audio with a cover picture" if container.streams.audio else "a still picture"
    codecs = sorted({track.codec_context.name for track in container.streams.audio if track.codec_context})
    if container.streams.audio:
        return f"audio only ({', '.join(codecs) or 'of an unknown codec'})"
    return "a file without any tracks"


def _first_frame(container: "InputContainer", stream: "av.VideoStream") -> "av.VideoFrame":
    """The first frame that decodes: a damaged start costs a few packets, not the video."""
    import av

    stream.thread_type = "NONE"
    for count, packet in enumerate(container.demux(stream)):
        with contextlib.suppress(av.InvalidDataError):
            for frame in packet.decode():
                return frame
        if count > DECODE_ATTEMPTS:
            break
    raise _unreadable("none of its frames decodes")


def _video(stream: "av.VideoStream", frame: "av.VideoFrame", origin: float) -> VideoStream:
    rotation = -frame.rotation % 360
    width, height = round(frame.width * _pixel_aspect(stream)), frame.height
    if rotation in (90, 270):
        width, height = height, width
    average = _plausible(stream.average_rate, stream.guessed_rate, stream.base_rate)
    return VideoStream(
        index=stream.index,
        codec=stream.codec_context.name,
        width=width,
        height=height,
        coded_width=frame.width,
        coded_height=frame.height,
        rotation=rotation,
        frame_rate=average,
        grid_rate=_plausible(stream.base_rate, stream.guessed_rate, average),
        pixel_format=frame.format.name,
        hdr=HDR_TRANSFERS.get(int(frame.color_trc)),
        start=_start(stream, origin),
    )


def _pixel_aspect(stream: "av.VideoStream") -> Fraction:
    """Width over height of a pixel; what is square but for an encoder's rounding counts as square."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return Fraction(1) if abs(aspect - 1) < Fraction(1, 50) else aspect


def _plausible(*rates: Fraction | None) -> Fraction:
    """The first rate that a camera could have; millisecond clocks pass for 1000 frames a second."""
    return next((rate for rate in rates if rate and rate <= MAX_FRAME_RATE), Fraction(30))


def _audio_streams(container: "InputContainer", origin: float) -> Iterator[AudioStream]:
    """The tracks that can be decoded."""
    for stream in container.streams.audio:
        context = stream.codec_context
        if context and context.sample_rate:
            yield AudioStream(
                index=stream.index,
                codec=context.name,
                channels=context.channels,
                layout=context.layout.name,
                sample_rate=context.sample_rate,
                language=_language(stream),
                default=bool(stream.disposition & _default_track()),
                start=_start(stream, origin),
            )


def _default_track() -> int:
    from av.stream import Disposition

    return Disposition.default


def _language(stream: "av.stream.Stream") -> str | None:
    language = stream.metadata.get("language")
    return None if language in (None, "und") else language


def _start(stream: "av.stream.Stream", origin: float) -> float:
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return max(0.0, float(stream.start_time * stream.time_base) - origin)


def _duration(container: "InputContainer", origin: float) -> float:
    """The header's where the last packets bear it out, else the end of the last packet there is."""
    header = container.duration / 1e6 if container.duration else None
    if header is None or not 0 < header <= MAX_DURATION:
        measured = _last_end(container) - origin
    else:
        end = _last_end(container, from_second=max(0.0, origin + header - TAIL_SECONDS)) - origin
        if abs(end - header) <= TOLERANCE_SECONDS:
            return round(header, 6)
        measured = _last_end(container) - origin
    if measured <= 0:
        raise _unreadable("it has no length")
    if measured > MAX_DURATION:
        raise _unreadable(f"it is longer than {MAX_DURATION / 3600:.0f} hours")
    return round(measured, 6)


def _last_end(container: "InputContainer", *, from_second: float = 0.0) -> float:
    """Where the last packet of picture or sound ends, in the file's own timestamps."""
    import av

    with contextlib.suppress(av.FFmpegError):
        container.seek(int(from_second * av.time_base))
    end = 0.0
    with contextlib.suppress(av.FFmpegError):
        for packet in container.demux(_timed_streams(container)):
            if packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return end


def _timed_streams(container: "InputContainer") -> list["av.stream.Stream"]:
    return [*container.streams.video, *container.streams.audio]


def _refuse_other_files(file: BinaryIO) -> None:
    file.seek(0)
    head = file.read(SNIFFED_BYTES)
    file.seek(0)
    if not head:
        raise _not_a_video("an empty file")
    if _is_text(head):
        raise _not_a_video("text")


def _refusal(file: BinaryIO, reason: str) -> Problem:
    """Why a file that FFmpeg does not open was refused, told from its first bytes."""
    file.seek(0)
    head = file.read(SEARCHED_FOR_ENCRYPTION)
    if any(mark in head for mark in ENCRYPTION_MARKS):
        return _not_a_video("an encrypted file")
    if b"ftyp" in head[:32] and b"moov" not in head:
        return _unreadable("its index is missing, as when a recording or an upload was cut off")
    if _is_video_container(head):
        return _unreadable(reason)
    return _not_a_video("of an unknown format")


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        # A character cut in two by the end of the sample is still text.
        text = head[: error.start].decode() if error.start > len(head) - 4 else "\0"
    return not any(ord(character) < 32 and character not in "\t\n\r\f" for character in text)


def _is_video_container(head: bytes) -> bool:
    return head.startswith(CONTAINER_MARKS) or head[4:8] in BOX_MARKS


def _not_a_video(found: str) -> Problem:
    return Problem(ErrorCode.NOT_A_VIDEO, found=found)


def _unreadable(reason: str) -> Problem:
    return Problem(ErrorCode.VIDEO_UNREADABLE, reason=reason)
