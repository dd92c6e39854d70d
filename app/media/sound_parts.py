"""Sound encoded in parts that join without a seam; blocking.

An encoder that starts some frames before a part writes the same packets for it as one that came all the
way, but for differences far below hearing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.media.audio import Samples

if TYPE_CHECKING:
    import av
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream
    from av.stream import Stream

SAMPLE_RATE = 48_000
PREROLL_FRAMES = 8
TAIL_FRAMES = 2
FRAMES_AT_ONCE = 32
# Looking for what two channels have in common takes twice as long where that is everything, as with a voice.
_FAST_AAC = (("aac_coder", "fast"), ("aac_ms", "0"))
_LENGTHS = np.dtype("<u4")
_SKIPPED = np.dtype("<u4,<u4,u1,u1")


@dataclass(frozen=True, slots=True)
class SoundCodec:
    """An encoder of stereo at 48 kHz. `bit_rate` in bits a second, `frame` the samples of a packet, and
    `priming` those that it puts out before the first; `container` is the file that holds its packets."""

    encoder: str
    bit_rate: int
    frame: int
    priming: int
    sample_format: str
    container: str
    options: tuple[tuple[str, str], ...] = ()

    def packets_until(self, sample: int, *, last: bool) -> int:
        """How many packets belong to the sound before a sample; to all of it, if that is the `last`."""
        return -(-(sample + self.priming) // self.frame) if last else sample // self.frame


def aac(bit_rate: int) -> SoundCodec:
    return SoundCodec("aac", bit_rate, 1024, 1024, "fltp", "mp4", _FAST_AAC)


def opus(bit_rate: int) -> SoundCodec:
    return SoundCodec("libopus", bit_rate, 960, 312, "flt", "webm")


@dataclass(frozen=True, slots=True)
class Part:
    """The samples from `start` up to and without `end` of a sound of `total`; all but the last end on whole
    frames."""

    start: int
    end: int
    total: int

    @property
    def is_last(self) -> bool:
        return self.end >= self.total

    def widened(self, before: int, after: int) -> "Part":
        return Part(max(0, self.start - before), min(self.total, self.end + after), self.total)


def encoded_range(part: Part, codec: SoundCodec) -> Part:
    """What has to be there to encode a part."""
    return part.widened(PREROLL_FRAMES * codec.frame, TAIL_FRAMES * codec.frame)


def encode_part(samples: Samples, part: Part, codec: SoundCodec) -> bytes:
    """The part's packets, as `join_parts` reads them; `samples` of shape (2, samples) are those of
    `encoded_range`."""
    first = codec.packets_until(part.start, last=False)
    last = codec.packets_until(part.end, last=part.is_last)
    start = encoded_range(part, codec).start
    context = _encoder(codec)
    payloads = [
        bytes(packet)
        for packet in _encoded(context, samples, start, codec)
        if packet.pts is not None and first <= (packet.pts + codec.priming) // codec.frame < last
    ]
    lengths = np.array([len(payloads), *map(len, payloads)], _LENGTHS)
    return b"".join((lengths.tobytes(), *payloads))


def join_parts(parts: Iterable[Path], total: int, codec: SoundCodec, out: Path) -> None:
    """Writes the parts, files with what `encode_part` gives, in order as one file of `total` samples."""
    import av

    with av.open(out, "w", format=codec.container) as container:
        stream = container.add_stream(codec.encoder, rate=SAMPLE_RATE, options=dict(codec.options))
        if not isinstance(stream, av.AudioStream):
            raise TypeError(f"{codec.encoder} encodes no sound")
        _configure(stream.codec_context, codec)
        for packet in _packets(_payloads(parts), stream, total, codec):
            container.mux_one(packet)


def _packets(
    payloads: Iterable[bytes], stream: "AudioStream", total: int, codec: SoundCodec
) -> Iterator["av.Packet[Stream]"]:
    """There are hundreds of thousands: what they have in common is made once."""
    import av

    tick, frame, pts = Fraction(1, SAMPLE_RATE), codec.frame, -codec.priming
    for payload in payloads:
        packet: av.Packet[Stream] = av.Packet(payload)
        packet.stream, packet.time_base = stream, tick
        packet.pts = packet.dts = pts
        packet.duration = duration = min(frame, total - pts)
        packet.is_keyframe = True
        if duration < frame:
            _discard(packet, frame - duration)
        yield packet
        pts += frame


def _discard(packet: "av.Packet[Stream]", samples: int) -> None:
    """Tells players to leave out so many samples at the packet's end."""
    from av.packet import PacketSideData, packet_sidedata_type_from_literal

    skipped = np.array((0, samples, 0, 0), _SKIPPED).tobytes()
    kind = packet_sidedata_type_from_literal("skip_samples")
    side_data = PacketSideData(kind, len(skipped))  # type: ignore[call-arg]  # missing in the stubs
    side_data.update(skipped)
    side_data.to_packet(packet, move=True)


def _payloads(parts: Iterable[Path]) -> Iterator[bytes]:
    for path in parts:
        data = path.read_bytes()
        count = int(np.frombuffer(data, _LENGTHS, 1)[0])
        position = (count + 1) * _LENGTHS.itemsize
        for length in np.frombuffer(data, _LENGTHS, count, _LENGTHS.itemsize):
            yield data[position : position + int(length)]
            position += int(length)


def _encoded(
    context: "AudioCodecContext", samples: Samples, start: int, codec: SoundCodec
) -> Iterator["av.Packet[Stream]"]:
    import av

    # Many frames in one call: threads that encode side by side seldom wait for one another then.
    for position in range(0, samples.shape[1], FRAMES_AT_ONCE * codec.frame):
        planes = samples[:, position : position + FRAMES_AT_ONCE * codec.frame]
        planes = np.pad(planes, ((0, 0), (0, -planes.shape[1] % codec.frame)))
        data = planes if codec.sample_format == "fltp" else planes.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data), codec.sample_format, "stereo")
        frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        frame.pts = start + position
        yield from context.encode(frame)
    yield from context.encode(None)


def _encoder(codec: SoundCodec) -> "AudioCodecContext":
    from av.audio.codeccontext import AudioCodecContext

    context = AudioCodecContext.create(codec.encoder, "w")
    if not isinstance(context, AudioCodecContext):
        raise TypeError(f"{codec.encoder} encodes no sound")
    context.options = dict(codec.options)
    context.sample_rate = SAMPLE_RATE
    _configure(context, codec)
    return context


def _configure(context: "AudioCodecContext", codec: SoundCodec) -> None:
    context.layout = "stereo"
    context.format = codec.sample_format
    context.bit_rate = codec.bit_rate
