from collections.abc import Callable
from pathlib import Path

import ffmpeg as graphs
import pytest

from app.core.errors import ErrorCode, Problem
from app.media.ffmpeg import FFmpegWrapper, media_output
from app.media.probe import MediaInfo, info_from_json, info_to_json, probe
from tests.media.clips import counting_clip, tone_file

SharedVideo = Callable[[str], Path]


async def test_facts_of_a_plain_clip(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    info = probe(await counting_clip(ffmpeg, tmp_path / "clip.mp4"))
    assert info.duration == pytest.approx(2.0, abs=0.03)
    assert info.video.resolution == "64x48"
    assert info.video.frame_rate == 25
    assert not info.video.variable_rate
    assert info.default_audio is not None
    assert info.default_audio.sample_rate == 48_000


async def test_an_open_file_is_as_good_as_a_path(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    path = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    with path.open("rb") as file:
        assert probe(file) == probe(path)


async def test_facts_survive_json(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    info = probe(await counting_clip(ffmpeg, tmp_path / "clip.mp4"))
    assert info_from_json(info_to_json(info)) == info


async def test_wide_pixels_are_told_as_shown(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    picture = graphs.input("testsrc2=s=720x576:r=25:d=0.2", f="lavfi")["v"].filter("setsar", "16/11")
    await ffmpeg.run(media_output(tmp_path / "pal.mp4", picture))
    assert probe(tmp_path / "pal.mp4").video.resolution == "1047x576"


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("fragmented.mp4", 1.068),
        ("truncated_faststart.mp4", 25.859),
        ("firstpts_10s.mp4", 4.0),
        ("vfr.mp4", 9.966),
        ("mpegts.ts", 0.1),
        ("mkv_delayed.mkv", 5.492),
        ("corrupt_middle.mp4", 9.967),
        ("한글 파일 (이름) & 'quote'.mp4", 1.001),
    ],
)
def test_duration_is_the_real_one(shared_video: SharedVideo, name: str, seconds: float) -> None:
    assert probe(shared_video(name)).duration == pytest.approx(seconds, abs=0.01)


def test_rotated_video_is_told_upright(shared_video: SharedVideo) -> None:
    video = probe(shared_video("rot_270_with_audio.mp4")).video
    assert (video.resolution, video.coded_width, video.rotation) == ("720x1080", 1080, 90)


def test_high_dynamic_range_and_variable_rate(shared_video: SharedVideo) -> None:
    assert probe(shared_video("hdr_hlg10.mp4")).video.hdr == "hlg"
    assert probe(shared_video("vfr.mp4")).video.variable_rate


def test_late_sound_and_default_track(shared_video: SharedVideo) -> None:
    late = probe(shared_video("audio_starts_late_3s.mp4"))
    assert default_start(late) == pytest.approx(3.0, abs=0.03)
    several = probe(shared_video("multi_audio_en_ko_es.mkv"))
    assert [track.language for track in several.audio] == ["eng", "kor", "spa"]
    assert several.default_audio == several.audio[1]


def default_start(info: MediaInfo) -> float:
    assert info.default_audio is not None
    return info.default_audio.start


@pytest.mark.parametrize(
    ("name", "code", "detail"),
    [
        ("zero_bytes.wav", ErrorCode.NOT_A_VIDEO, "an empty file"),
        ("text_named.mp4", ErrorCode.NOT_A_VIDEO, "text"),
        ("audio_only.mp4", ErrorCode.NOT_A_VIDEO, "audio only (aac)"),
        ("ac4.mp4", ErrorCode.NOT_A_VIDEO, "audio only (of an unknown codec)"),
        ("nostreams.mp4", ErrorCode.NOT_A_VIDEO, "a file without any tracks"),
        ("drm_clearkey.mp4", ErrorCode.NOT_A_VIDEO, "an encrypted file"),
        ("truncated_60pct.mp4", ErrorCode.VIDEO_UNREADABLE, "its index is missing"),
        ("bad_free_box.mp4", ErrorCode.VIDEO_UNREADABLE, "Invalid data"),
    ],
)
def test_refusals_say_what_was_found(
    shared_video: SharedVideo, name: str, code: ErrorCode, detail: str
) -> None:
    with pytest.raises(Problem) as caught:
        probe(shared_video(name))
    assert caught.value.code is code
    assert str(next(iter(caught.value.details.values()))).startswith(detail)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n" * 900, "안녕하세요 ".encode() * 900, bytes(range(256)) * 40]
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with pytest.raises(Problem) as caught:
        probe(path)
    assert caught.value.code is ErrorCode.NOT_A_VIDEO


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        probe(tone_file(tmp_path / "tone.wav", 0.5))
    assert caught.value.details == {"found": "audio only (pcm_s16le)"}


async def test_cover_art_is_no_video(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    cover = graphs.input("color=red:s=64x64:d=1:r=1", f="lavfi")["v"]
    song = graphs.input("sine=d=1", f="lavfi")["a"]
    path = tmp_path / "song.mp3"
    await ffmpeg.run(media_output(path, song, cover, **{"c:v": "mjpeg", "disposition:v": "attached_pic"}))
    with pytest.raises(Problem) as caught:
        probe(path)
    assert caught.value.details == {"found": "audio with a cover picture"}
