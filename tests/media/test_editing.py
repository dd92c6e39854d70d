from collections.abc import Callable
from pathlib import Path

import av
import ffmpeg as graphs
import pytest

from app.media.ffmpeg import FFmpegWrapper, media_output
from app.media.probe import probe
from app.videos.editing import cut, preview, thumbnail
from tests.media.clips import counting_clip, frame_numbers, grey_frames, onset, shape, sound

SharedVideo = Callable[[str], Path]


@pytest.mark.parametrize(
    ("start", "end", "first", "frames"),
    [
        (0.0, 1.0, 0, 25),
        (0.52, 1.0, 13, 12),  # on a frame's first instant
        (0.55, 1.35, 13, 20),  # while a frame is on screen
        (1.2, 2.0, 30, 20),
    ],
)
async def test_cuts_are_exact_to_the_frame(
    ffmpeg: FFmpegWrapper, tmp_path: Path, start: float, end: float, first: int, frames: int
) -> None:
    source = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    out = tmp_path / "cut.mp4"
    await cut(ffmpeg, source, probe(source), start, end, out)
    assert frame_numbers(out) == list(range(first, first + frames))
    assert probe(out).duration == pytest.approx(end - start, abs=0.04)


async def test_a_cut_keeps_picture_and_sound_together(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    source = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    out = tmp_path / "cut.mp4"
    await cut(ffmpeg, source, probe(source), 0.6, 1.8, out)
    assert onset(sound(out)) == pytest.approx(1.0 - 0.6, abs=0.03)


@pytest.mark.parametrize(
    "name",
    ["firstpts_10s.mp4", "vfr.mp4", "mkv_delayed.mkv", "chapters.mp4", "embedded_pgs.mkv", "odd_dims.webm"],
)
async def test_odd_videos_are_cut_to_length(
    ffmpeg: FFmpegWrapper, shared_video: SharedVideo, tmp_path: Path, name: str
) -> None:
    info = probe(shared_video(name))
    out = tmp_path / "cut.mp4"
    start, end = info.duration * 0.3, info.duration * 0.8
    await cut(ffmpeg, shared_video(name), info, start, end, out)
    assert shape(out).picture_end == pytest.approx(end - start, abs=1 / 15)


async def test_a_preview_is_small_and_whole(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    source = tmp_path / "clip.mp4"
    picture = graphs.input("testsrc2=s=1280x720:r=30:d=2", f="lavfi")["v"]
    tone = graphs.input("sine=d=2", f="lavfi")["a"]
    await ffmpeg.run(media_output(source, picture, tone, preset="ultrafast"))
    out = tmp_path / "preview.mp4"
    await preview(ffmpeg, source, probe(source), out)
    info = probe(out)
    assert info.video.resolution == "640x360"
    assert info.video.frame_rate == 15
    assert info.default_audio is not None
    assert info.duration == pytest.approx(2.0, abs=0.07)
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


async def test_a_thumbnail_passes_over_the_black_opening(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    black = graphs.input("color=black:s=1280x720:r=25:d=1", f="lavfi")["v"]
    scene = graphs.input("testsrc2=s=1280x720:r=25:d=4", f="lavfi")["v"]
    source = tmp_path / "clip.mp4"
    await ffmpeg.run(media_output(source, graphs.concat(black, scene), g=10, preset="ultrafast"))
    out = tmp_path / "thumbnail.jpg"
    await thumbnail(ffmpeg, source, probe(source), out)
    (picture,) = grey_frames(out)
    assert picture.shape == (360, 640)
    assert picture.mean() > 60


@pytest.mark.parametrize("name", ["no_audio.mp4", "vfr.mp4", "corrupt_middle.mp4", "hdr_hlg10.mp4"])
async def test_odd_videos_have_a_thumbnail(
    ffmpeg: FFmpegWrapper, shared_video: SharedVideo, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "thumbnail.jpg"
    await thumbnail(ffmpeg, shared_video(name), probe(shared_video(name)), out)
    with av.open(out) as picture:
        assert picture.streams.video[0].width <= 640
