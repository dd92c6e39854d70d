"""Pieces of FFmpeg graphs that several stages share.

ffmpeg-python escapes positional filter arguments twice: what holds `=` or `:` is passed by name.
"""

from ffmpeg.nodes import FilterableStream

from app.media.probe import AudioStream, VideoStream

MIX_SAMPLE_RATE = 48_000
HDR_PRIMARIES = {"pin": "bt2020", "min": "bt2020nc", "rin": "tv"}
HDR_TRANSFER_NAMES = {"pq": "smpte2084", "hlg": "arib-std-b67"}


def shown_size(video: VideoStream, short_side: int | None = None) -> tuple[int, int]:
    """Width and height in even pixels, as H.264 wants them; the shorter one at most `short_side`."""
    shrink = min(1.0, short_side / min(video.width, video.height)) if short_side else 1.0
    return _even(video.width * shrink), _even(video.height * shrink)


def shown_picture(
    source: FilterableStream, video: VideoStream, size: tuple[int, int] | None = None
) -> FilterableStream:
    """The picture as it is meant to be seen, in 8 bits: upright, square pixels, standard dynamic range.

    `size` defaults to `shown_size(video)`.
    """
    width, height = size or shown_size(video)
    # Always scaled, which costs nothing at the same size: recorded calls change theirs on the way.
    picture = source[str(video.index)].filter("scale", width, height)
    if video.hdr is not None:
        picture = _tone_mapped(picture, video.hdr)
    return picture.filter("setsar", 1).filter("format", "yuv420p")


def on_the_clock(source: FilterableStream, track: AudioStream, sample_rate: int) -> FilterableStream:
    """A track's sound on the file's clock: silence before a late start and in every gap."""
    return source[str(track.index)].filter("aresample", sample_rate, **{"async": 1, "first_pts": 0})


def in_stereo(sound: FilterableStream, channels: int) -> FilterableStream:
    """Two channels, mono on both at its own level: a plain conversion takes 3 dB off."""
    if channels == 1:
        return sound.filter("pan", args="stereo|c0=c0|c1=c0")
    return sound.filter("aformat", channel_layouts="stereo", sample_fmts="fltp")


def lasting(sound: FilterableStream, seconds: float) -> FilterableStream:
    """Exactly that long, silence added or the end left out."""
    return sound.filter("apad", whole_dur=seconds).filter("atrim", end=seconds)


def _tone_mapped(picture: FilterableStream, hdr: str) -> FilterableStream:
    linear = picture.filter("zscale", tin=HDR_TRANSFER_NAMES[hdr], **HDR_PRIMARIES, t="linear", npl=100)
    mapped = (
        linear.filter("format", "gbrpf32le").filter("zscale", p="bt709").filter("tonemap", "hable", desat=0)
    )
    return mapped.filter("zscale", t="bt709", m="bt709", r="tv")


def _even(side: float) -> int:
    return max(2, int(side + 0.5) // 2 * 2)
