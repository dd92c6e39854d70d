"""The sound of a file that this server made, stretch by stretch: told apart by its packets, decoded where
asked for. Blocking."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b, sha256
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from app.media.audio import Samples, lay
from app.media.formats import READABLE_FORMATS

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

# A decoder needs what comes before: one packet of AAC, 80 ms of Opus.
PREROLL_SECONDS = 0.1
_JITTER_SECONDS = 0.005
# Where a stretch ends right where a packet begins.
_ROUNDING_SECONDS = 1e-6
_TAIL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class AudioPackets:
    """A track's packets in order: `starts` in seconds, `digests` of their bytes; shape (packets,).

    `end` is where the last one ends, in seconds.
    """

    starts: NDArray[np.float64]
    digests: NDArray[np.uint64]
    end: float

    def fingerprint(self, start: float, end: float) -> str:
        """The same for stretches whose sound is the same, wherever they are."""
        borders = np.array((start - PREROLL_SECONDS, end)) - _ROUNDING_SECONDS
        first, last = np.searchsorted(self.starts, borders)
        moments = np.rint((self.starts[first:last] - start) * 1e6).astype("<i8")
        return sha256(moments.tobytes() + self.digests[first:last].tobytes()).hexdigest()


def picture_end(path: Path, near: float) -> float | None:
    """Where the picture ends, in seconds on the file's clock, which is `near` its end; None if unknown."""
    import av

    with av.open(path, "r", options=_options()) as container:
        stream = container.streams.video[0]
        origin = _origin(container)
        container.seek(int(max(0.0, origin + near - _TAIL_SECONDS) * av.time_base))
        ends = [_end(packet) for packet in container.demux(stream) if packet.pts is not None]
        return max(ends) - origin if ends else None


@dataclass(frozen=True, slots=True)
class _Gathered:
    """A track's packets so far, times in its ticks."""

    starts: "array[int]" = field(default_factory=lambda: array("q"))
    durations: "array[int]" = field(default_factory=lambda: array("q"))
    digests: bytearray = field(default_factory=bytearray)

    def packets(self, tick: float, origin: float) -> AudioPackets:
        starts = np.array(self.starts, np.float64) * tick
        ends = starts + np.array(self.durations, np.float64) * tick
        return AudioPackets(
            starts - origin,
            np.frombuffer(self.digests, np.uint64),
            float(np.max(ends, initial=0.0)) - origin,
        )


class SoundReader:
    """The audio tracks of a file, open until the context ends; not for several threads at once."""

    def __init__(self, path: Path) -> None:
        import av

        self._container = av.open(path, "r", options=_options())
        self._origin = _origin(self._container)
        for stream in self._container.streams:
            if stream.type != "audio":
                stream.discard = av.stream.Discard.all

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def sample_rate(self, track: int) -> int:
        """Of the audio track of that number, from 0, in Hz."""
        return self._container.streams.audio[track].rate

    def packets(self) -> tuple[AudioPackets, ...]:
        """Of every audio track; nothing is decoded."""
        streams = self._container.streams.audio
        tracks = {stream.index: _Gathered() for stream in streams}
        self._container.seek(0)
        # There are hundreds of thousands: every name that is looked up for each of them counts.
        for packet in self._container.demux(*streams):
            if (start := packet.pts) is not None:
                track = tracks[packet.stream_index]
                track.starts.append(start)
                track.durations.append(packet.duration or 0)
                track.digests.extend(blake2b(packet, digest_size=8).digest())
        return tuple(
            tracks[stream.index].packets(_seconds(1, stream.time_base), self._origin) for stream in streams
        )

    def read(self, track: int, start: float, end: float) -> Samples:
        """The sound from `start` to `end` (seconds), silence where there is none.

        Its shape is (channels, samples).
        """
        stream = self._container.streams.audio[track]
        rate = stream.rate
        sound = np.zeros((stream.channels, round((end - start) * rate)), np.float32)
        position: int | None = None
        for second, samples in self._decoded(stream, start, end):
            planned = round((second - start) * rate)
            # The clock of some containers is coarser than a sample.
            if position is None or abs(planned - position) > _JITTER_SECONDS * rate:
                position = planned
            lay(sound, samples, position)
            position += samples.shape[1]
        return sound

    def _decoded(self, stream: "av.AudioStream", start: float, end: float) -> Iterator[tuple[float, Samples]]:
        """Where each frame begins, in seconds, and its samples."""
        import av

        unit = _seconds(1, stream.time_base)
        since, until = max(0.0, start - PREROLL_SECONDS) + self._origin, end + self._origin
        self._container.seek(int(since * av.time_base))
        to_float, is_float = av.AudioResampler(format="fltp"), stream.format.name == "fltp"
        for packet in self._container.demux(stream):
            if packet.pts is not None:
                if packet.pts * unit > until:
                    return
                if (packet.pts + (packet.duration or 0)) * unit < since:
                    continue
            for frame in packet.decode():
                second = (frame.pts or 0) * unit - self._origin
                floats = frame if is_float else to_float.resample(frame)[0]
                yield second, cast("Samples", floats.to_ndarray())


def _end(packet: "av.Packet[Any]") -> float:
    return _seconds((packet.pts or 0) + (packet.duration or 0), packet.time_base)


def _seconds(ticks: int | None, unit: Fraction | None) -> float:
    return (ticks or 0) * float(unit or 0)


def _origin(container: "InputContainer") -> float:
    """Where the file's clock starts. What comes before 0 is what a decoder needs and drops."""
    return max(0.0, container.start_time / 1e6) if container.start_time else 0.0


def _options() -> dict[str, str]:
    """Without the rule about protocols: these are files of a known name."""
    return {name: READABLE_FORMATS[name] for name in ("format_whitelist", "max_streams")}
