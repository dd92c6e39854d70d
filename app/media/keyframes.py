"""Where a video can be taken apart: the key frames at which decoding begins anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from app.media.formats import READABLE_FORMATS
from app.media.probe import MediaInfo

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

# The others have no index, and are entered at about the right place only.
INDEXED_CONTAINERS = frozenset({"mov", "matroska"})
LEAST_GAP_SECONDS = 0.5
# FFmpeg may enter Matroska at the key frame before the one asked for unless asked for a later time.
LATER_SECONDS = 0.2
SHORTEST_SHARE = 0.5
H264_IDR = 5
# A day of nothing else at 10 a second. A file made to have more is taken apart no further.
MOST_KEY_FRAMES = 1_000_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """The frames with `start` ≤ time < `end`, in ticks of the video track; None is an end of the file.

    `entry` is what to seek to so that they all decode, in seconds on the file's clock.
    """

    start: int | None = None
    end: int | None = None
    entry: float | None = None


@dataclass(frozen=True, slots=True)
class Division:
    """A video in stretches that meet. `time_base` is a tick in seconds, `origin` the tick at which the
    file's clock starts, `end` the one at which the last frame ends, if that is known."""

    time_base: Fraction
    origin: int
    stretches: tuple[Stretch, ...]
    end: int | None = None

    def seconds(self, tick: int) -> float:
        """A time on the file's clock."""
        return float((tick - self.origin) * self.time_base)


@dataclass(frozen=True, slots=True)
class _KeyFrame:
    """`clean` where nothing shown after it was coded with what comes before it."""

    time: int
    clean: bool
    shown: bool


def divide(path: Path, info: MediaInfo, seconds: float) -> Division:
    """Stretches of at least `seconds`, each from one key frame to another; blocking.

    One stretch where there are too few key frames, or where the container cannot be entered exactly.
    """
    import av
    from av.stream import Discard

    with path.open("rb") as file, av.open(file, "r", options=READABLE_FORMATS) as container:
        stream = container.streams[info.video.index]
        if not isinstance(stream, av.VideoStream) or stream.time_base is None:
            raise ValueError("the file is not the one that was probed")
        tick = stream.time_base
        origin = _rounded(Fraction(container.start_time or 0, av.time_base) / tick)
        if info.container.split(",")[0] not in INDEXED_CONTAINERS or info.duration < 2 * seconds:
            return Division(tick, origin, (Stretch(),))
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        frames, end = _key_frames(container, stream)
        reordered = bool(stream.codec_context.has_b_frames)
    starts = _starts(frames, tick, seconds, LEAST_GAP_SECONDS if reordered else 0.0)
    last = origin + round(Fraction(info.duration) / tick)
    if starts and last - frames[starts[-1]].time < SHORTEST_SHARE * seconds / tick:
        starts.pop()
    return Division(tick, origin, tuple(_stretches(frames, starts, tick, origin)), end)


def _key_frames(container: "InputContainer", stream: "av.VideoStream") -> tuple[list[_KeyFrame], int]:
    """With where the last frame ends. FFmpeg cannot be told to read key frames only: their times suffer."""
    is_h264 = stream.codec_context.name == "h264"
    extradata = stream.codec_context.extradata or b""
    frames, end = list[_KeyFrame](), 0
    for packet in container.demux(stream):
        if packet.pts is None:
            continue
        end = max(end, packet.pts + (packet.duration or 0))
        if packet.is_keyframe and len(frames) < MOST_KEY_FRAMES:
            clean = not is_h264 or _has_idr(bytes(packet), extradata)
            frames.append(_KeyFrame(packet.pts, clean, not packet.is_discard))
    return frames, end


def _starts(frames: Sequence[_KeyFrame], tick: Fraction, seconds: float, least_gap: float) -> list[int]:
    """Which key frames begin a stretch, besides the first."""
    first = next((index for index, frame in enumerate(frames) if frame.shown), len(frames))
    in_order = all(one.time < other.time for one, other in pairwise(frames))
    if not in_order or not all(frame.shown for frame in frames[first:]) or first == len(frames):
        return []  # an edit list puts pieces together: what is before a frame is not what it needs
    starts, last = list[int](), frames[first].time
    for index in range(first + 1, len(frames)):
        time = frames[index].time
        following = frames[index + 1].time if index + 1 < len(frames) else None
        alone = following is None or (following - time) * tick > least_gap
        if alone and (time - last) * tick >= seconds:
            starts.append(index)
            last = time
    return starts


def _stretches(
    frames: Sequence[_KeyFrame], starts: Sequence[int], tick: Fraction, origin: int
) -> Iterator[Stretch]:
    bounds = [None, *(frames[index].time for index in starts), None]
    entries = [None, *(_entry(frames, index, tick, origin) for index in starts)]
    for (start, end), entry in zip(pairwise(bounds), entries, strict=True):
        yield Stretch(start, end, entry)


def _entry(frames: Sequence[_KeyFrame], index: int, tick: Fraction, origin: int) -> float | None:
    """Not before the key frame, and well before the next one."""
    if not frames[index].clean:
        index -= 1
    if index == 0:
        return None
    time = frames[index].time
    later = Fraction(LATER_SECONDS) / tick
    if index + 1 < len(frames):
        later = min(later, Fraction(frames[index + 1].time - time, 2))
    return round(float((time - origin + later) * tick), 6)


def _has_idr(packet: bytes, extradata: bytes) -> bool:
    """Whether an H.264 key frame is one that nothing after it reaches behind."""
    if extradata[:1] != b"\x01":  # start codes part the units
        return any(unit[0] & 0x1F == H264_IDR for unit in packet.split(b"\0\0\1")[1:] if unit)
    width, at = (extradata[4] & 3) + 1, 0
    while at + width < len(packet):
        if packet[at + width] & 0x1F == H264_IDR:
            return True
        at += width + int.from_bytes(packet[at : at + width])
    return False


def _rounded(value: Fraction) -> int:
    """To the nearest, halves away from zero, as FFmpeg does."""
    whole = int(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole
