from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from app.media.audio import Audio
from app.media.ffmpeg import FFmpegWrapper
from app.media.probe import MediaInfo, probe
from app.render.burner import SubtitleBurner, SubtitleFile, SubtitleStyle
from app.render.editor import FFmpegVideoEditor, RenderJob
from app.render.output import OutputFormat, OutputFormatter
from app.subtitles.cues import Cue
from tests.media.clips import counting_clip, frame_numbers, grey_frames, onset, shape, sound, tone_file

SharedVideo = Callable[[str], Path]


async def dub(
    ffmpeg: FFmpegWrapper,
    source: Path,
    folder: Path,
    *,
    output_format: OutputFormat = "mp4",
    volume: float = 0.0,
    voice_seconds: float = 1.0,
    voice_at: float = 0.5,
    burned: bool = False,
) -> Path:
    info = probe(source)
    job = RenderJob(
        source=source,
        info=info,
        voice=tone_file(folder / "voice.wav", voice_seconds, at=voice_at),
        original_audio_volume=volume,
        language="kor",
        output=OutputFormatter(output_format, "low"),
        target=folder / f"dub.{output_format}",
        subtitles=subtitles_for(info, folder) if burned else None,
    )
    await FFmpegVideoEditor(ffmpeg).render_dub(job)
    return job.target


def subtitles_for(info: MediaInfo, folder: Path) -> SubtitleFile:
    burner = SubtitleBurner(SubtitleStyle(font_size=40), info.video, "ko")
    return burner.write([Cue(0.5, 1.0, "안녕하세요")], folder / "subtitles.ass")


def level(audio: Audio, start: float, end: float) -> float:
    part = audio.samples[round(start * audio.sample_rate) : round(end * audio.sample_rate)]
    return float(np.max(np.abs(part)))


async def test_the_picture_is_copied_and_the_voice_is_where_it_was(
    ffmpeg: FFmpegWrapper, tmp_path: Path
) -> None:
    source = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    out = await dub(ffmpeg, source, tmp_path)
    assert frame_numbers(out) == frame_numbers(source)
    heard = sound(out)
    assert onset(heard) == pytest.approx(0.5, abs=0.01)
    assert level(heard, 0.6, 0.9) == pytest.approx(0.5, abs=0.05)
    assert level(heard, 1.1, 1.9) < 0.01  # the original was left out
    with av.open(out) as container:
        assert container.streams.audio[0].metadata["language"] == "kor"


async def test_the_original_is_heard_at_its_volume(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    source = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    original = level(sound(source), 1.2, 1.8)
    heard = sound(await dub(ffmpeg, source, tmp_path, volume=0.5))
    assert level(heard, 1.2, 1.8) == pytest.approx(original * 0.5, rel=0.15)
    assert level(heard, 0.6, 0.9) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("burned", "voice_seconds"),
    [(False, 0.6), (True, 8.0)],
    ids=["copied, short voice", "burned, long voice"],
)
@pytest.mark.parametrize(
    "name",
    [
        "no_audio.mp4",
        "firstpts_10s.mp4",
        "vfr.mp4",
        "odd_dims.webm",
        "hdr_hlg10.mp4",
        "surround51_centre.mp4",
        "mkv_delayed.mkv",
    ],
)
async def test_odd_videos_keep_their_length(
    ffmpeg: FFmpegWrapper,
    shared_video: SharedVideo,
    tmp_path: Path,
    name: str,
    burned: bool,
    voice_seconds: float,
) -> None:
    source = shared_video(name)
    out = await dub(ffmpeg, source, tmp_path, volume=0.2, voice_seconds=voice_seconds, burned=burned)
    before, after = shape(source), shape(out)
    info = probe(source)
    frame = float(1 / info.video.grid_rate)
    assert after.sound_end == pytest.approx(info.duration, abs=0.001)
    assert probe(out).duration == pytest.approx(info.duration, abs=frame)
    assert after.frames == before.frames


@pytest.mark.parametrize("volume", [0.0, 1.0])
async def test_a_loud_voice_is_not_clipped(ffmpeg: FFmpegWrapper, tmp_path: Path, volume: float) -> None:
    source = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    job = RenderJob(
        source=source,
        info=probe(source),
        voice=tone_file(tmp_path / "voice.wav", 2.0, level=1.0),
        original_audio_volume=volume,
        language="kor",
        output=OutputFormatter("mp4"),
        target=tmp_path / "dub.mp4",
    )
    await FFmpegVideoEditor(ffmpeg).render_dub(job)
    assert 0.8 < level(sound(job.target), 0.1, 1.9) < 1.0


@pytest.mark.parametrize(("output_format", "codec"), [("mp4", "h264"), ("mov", "h264"), ("webm", "vp9")])
async def test_every_format_plays(
    ffmpeg: FFmpegWrapper, tmp_path: Path, output_format: OutputFormat, codec: str
) -> None:
    source = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    info = probe(await dub(ffmpeg, source, tmp_path, output_format=output_format))
    assert info.video.codec == codec
    assert info.duration == pytest.approx(2.0, abs=0.04)
    assert [(track.channels, track.sample_rate) for track in info.audio] == [(2, 48_000)]


async def test_subtitles_are_seen_while_they_should_be(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    source = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    frames = grey_frames(await dub(ffmpeg, source, tmp_path, burned=True))
    spread = [float(np.ptp(frame)) for frame in frames]
    assert max(spread[:12] + spread[26:]) < 40 < min(spread[13:25])


async def test_high_dynamic_range_becomes_standard(
    ffmpeg: FFmpegWrapper, shared_video: SharedVideo, tmp_path: Path
) -> None:
    video = probe(await dub(ffmpeg, shared_video("hdr_hlg10.mp4"), tmp_path, burned=True)).video
    assert (video.codec, video.pixel_format, video.hdr) == ("h264", "yuv420p", None)


async def test_progress_is_told(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    source = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    info = probe(source)
    voice = tone_file(tmp_path / "voice.wav", 1.0)
    job = RenderJob(source, info, voice, 0.1, "eng", OutputFormatter("mp4"), tmp_path / "dub.mp4")
    seen: list[float] = []
    await FFmpegVideoEditor(ffmpeg).render_dub(job, seen.append)
    assert seen[-1] == pytest.approx(1.0, abs=0.05)
