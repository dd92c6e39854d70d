"""Encoded stretches of one picture, put together without encoding anything again."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.errors import ErrorCode, Problem

if TYPE_CHECKING:
    import av


def join_pictures(
    parts: Sequence[Path], target: Path, container: str, *, time_base: Fraction, early: int, end: float
) -> None:
    """Writes the frames of the parts in ticks of `time_base`, all `early` seconds earlier; blocking.

    The last one is shown until second `end`.

    The parts are single video tracks of one encoder, time base and picture size, in order of time, of which
    each begins with a key frame and needs no other. `container` is FFmpeg's name of the target's format.
    Raises `Problem(FFMPEG_FAILED)` if they do not belong together.
    """
    import av

    times: list[int] = []
    delay = 0
    for part in parts:
        decoded = list(_times(part))
        in_order = sorted(decoded)
        delay = max(delay, _reordering(decoded, in_order))
        times += in_order
    # Else a late start is told in milliseconds.
    options = {"movie_timescale": str(time_base.denominator)} if container in {"mp4", "mov"} else {}
    with av.open(parts[0], format="nut") as first, av.open(target, "w", container, options) as joined:
        template = first.streams.video[0]
        track = joined.add_stream_from_template(template)
        track.time_base = time_base
        tick, headers = template.time_base or time_base, template.codec_context.extradata
        late = round(early / tick)
        ends = [*times[1:], max(late + round(end / tick), times[-1] + 1)]
        for index, packet in enumerate(_packets(parts, tick, headers)):
            packet.dts = _decoding_time(times, index, delay) - late
            shown = packet.pts or 0
            packet.pts = shown - late
            packet.duration = ends[bisect_left(times, shown)] - shown
            packet.stream = track
            joined.mux_one(packet)


def _times(part: Path) -> Iterator[int]:
    import av

    with av.open(part, format="nut") as container:
        for packet in container.demux(video=0):
            if packet.pts is not None:
                yield packet.pts


def _packets(
    parts: Sequence[Path], tick: Fraction, headers: bytes | None
) -> Iterator["av.Packet[av.VideoStream]"]:
    import av

    for part in parts:
        with av.open(part, format="nut") as container:
            track = container.streams.video[0]
            if (track.time_base, track.codec_context.extradata) != (tick, headers):
                raise Problem(ErrorCode.FFMPEG_FAILED, reason="parts of the picture do not fit together")
            for packet in container.demux(track):
                if packet.pts is not None:
                    yield packet


def _reordering(decoded: Sequence[int], shown: Sequence[int]) -> int:
    """How many frames later a frame is shown than decoded, at most."""
    rank = {time: index for index, time in enumerate(shown)}
    return max((index - rank[time] for index, time in enumerate(decoded)), default=0)


def _decoding_time(times: Sequence[int], index: int, delay: int) -> int:
    """The time of the frame shown `delay` frames earlier: it rises with every frame and is never late."""
    if index >= delay:
        return times[index - delay]
    step = times[1] - times[0] if len(times) > 1 else 1
    return times[0] - (delay - index) * step
