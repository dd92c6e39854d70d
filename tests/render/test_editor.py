"""Muxing: nothing is lost, shifted or cut short on the way into the dub."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import pytest

from app.media.ffmpeg import FFmpegWrapper, media_input, media_output
from app.media.probe import probe
from app.media.sound_parts import SAMPLE_RATE, Part, encode_part, encoded_range, join_parts
from app.render.editor import FFmpegVideoEditor, MuxJob, SoftSubtitles, SoundTrack
from app.render.output import OutputFormat, OutputFormatter
from app.subtitles.cues import Cue
from app.subtitles.formatter import serialise
from tests.media.clips import counting_clip, frame_numbers, onset, shape, sound, tone

SharedVideo = Callable[[str], Path]


def mux_job(source: Path, folder: Path, output_format: OutputFormat = "mp4") -> MuxJob:
    """A tone from 0.5 s on in place of the source's sound."""
    output, info = OutputFormatter(output_format, "low"), probe(source)
    return MuxJob(
        source=source,
        info=info,
        picture=None,
        sounds=(SoundTrack(beep(folder, info.duration, output), "kor", "ko"),),
        original_language=None,
        subtitles=(),
        output=output,
        target=folder / f"dub.{output_format}",
    )


def beep(folder: Path, seconds: float, output: OutputFormatter) -> Path:
    codec, total = output.sound_codec, round(seconds * SAMPLE_RATE)
    samples = np.tile(tone(seconds, at=0.5, sample_rate=SAMPLE_RATE).samples[:total], (2, 1))
    part = Part(0, total, total)
    encoded = folder / "part"
    needed = encoded_range(part, codec)
    encoded.write_bytes(encode_part(samples[:, needed.start : needed.end], part, codec))
    path = folder / f"sound.{codec.container}"
    join_parts([encoded], total, codec, path)
    return path


@dataclass(frozen=True)
class Label:
    kind: str
    language: str
    default: bool
    title: str | None


def labels(path: Path) -> list[Label]:
    with av.open(path) as container:
        return [
            Label(
                stream.type,
                stream.metadata.get("language", "und"),
                bool(stream.disposition & 1),
                stream.metadata.get("title", stream.metadata.get("handler_name")),
            )
            for stream in container.streams
        ]


@pytest.mark.parametrize("output_format", ["mp4", "mov"])
async def test_the_picture_is_copied_and_the_sound_is_where_it_was(
    ffmpeg: FFmpegWrapper, tmp_path: Path, output_format: OutputFormat
) -> None:
    source = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    job = mux_job(source, tmp_path, output_format)
    await FFmpegVideoEditor(ffmpeg).mux(job)
    assert frame_numbers(job.target) == frame_numbers(source)
    assert onset(sound(job.target)) == pytest.approx(0.5, abs=0.003)
    assert probe(job.target).duration == pytest.approx(2.0, abs=0.04)


@pytest.mark.parametrize(
    "name",
    [
        "no_audio.mp4",
        "firstpts_10s.mp4",
        "vfr.mp4",
        "surround51_centre.mp4",
        "mkv_delayed.mkv",
        "audio_starts_late_3s.mp4",
        "editlist_shift.mp4",
        "rot_270_with_audio.mp4",
        "rot_portrait.mp4",
        "shorter_audio.mp4",
        "multi_audio_en_ko_es.mkv",
    ],
)
async def test_odd_videos_keep_their_length(
    ffmpeg: FFmpegWrapper, shared_video: SharedVideo, tmp_path: Path, name: str
) -> None:
    source = shared_video(name)
    job = mux_job(source, tmp_path)
    await FFmpegVideoEditor(ffmpeg).mux(job)
    before, after, info = shape(source), shape(job.target), probe(source)
    frame = float(1 / info.video.grid_rate)
    made = probe(job.target)
    assert made.duration == pytest.approx(info.duration, abs=frame)
    assert after.sound_end == pytest.approx(info.duration, abs=0.001)
    assert after.frames == before.frames
    assert made.video.start == pytest.approx(info.video.start, abs=frame / 2)
    assert made.video.rotation == info.video.rotation


async def test_an_encoded_picture_starts_where_the_source_s_does(
    ffmpeg: FFmpegWrapper, shared_video: SharedVideo, tmp_path: Path
) -> None:
    """A file of the picture alone, whose clock starts with its first frame."""
    source = shared_video("mkv_delayed.mkv")
    (tmp_path / "alone").mkdir()
    alone = replace(mux_job(source, tmp_path / "alone"), sounds=())
    await FFmpegVideoEditor(ffmpeg).mux(alone)
    job = replace(mux_job(source, tmp_path), picture=alone.target)
    await FFmpegVideoEditor(ffmpeg).mux(job)
    assert probe(job.target).video.start == pytest.approx(probe(source).video.start, abs=0.02)


@pytest.mark.parametrize(("output_format", "kept"), [("mp4", "aac"), ("webm", "opus")])
async def test_tracks_are_labelled(
    ffmpeg: FFmpegWrapper, shared_video: SharedVideo, tmp_path: Path, output_format: OutputFormat, kept: str
) -> None:
    source = shared_video("odd_dims.webm") if output_format == "webm" else shared_video("vfr.mp4")
    job = mux_job(source, tmp_path, output_format)
    text = tmp_path / "text.srt"
    text.write_text(serialise([Cue(0.4, 0.9, "안녕")], "srt", "ko"), encoding="utf-8")
    sounds = (*job.sounds, SoundTrack(job.sounds[0].path, "jpn", "ja"))
    subtitles = (SoftSubtitles(text, "kor"), SoftSubtitles(text, "jpn"))
    job = replace(job, sounds=sounds, original_language="eng", subtitles=subtitles)
    await FFmpegVideoEditor(ffmpeg).mux(job)
    found = labels(job.target)
    audio = [label for label in found if label.kind == "audio"]
    assert [label.default for label in audio] == [True, *[False] * (len(audio) - 1)]
    assert [label.language for label in audio[:2]] == ["kor", "jpn"]
    shown = [(label.language, label.default) for label in found if label.kind == "subtitle"]
    assert shown == [("kor", True), ("jpn", False)]
    info = probe(source)
    assert probe(job.target).duration == pytest.approx(info.duration, abs=0.05)
    if info.default_audio is not None:
        assert audio[2].title == "Original"
        assert probe(job.target).audio[2].codec == kept
    assert cue_times(job.target) == pytest.approx([0.4, 0.9], abs=0.002)


def cue_times(path: Path) -> list[float]:
    """Start and end of the first text that is shown."""
    with av.open(path) as container:
        stream = container.streams.subtitles[0]
        for packet in container.demux(stream):
            if packet.pts is not None and packet.size > 2:
                start = float(packet.pts * packet.time_base)
                return [start, start + float((packet.duration or 0) * packet.time_base)]
    return []


async def test_progress_is_told(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    source = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    seen: list[float] = []
    await FFmpegVideoEditor(ffmpeg).mux(mux_job(source, tmp_path), seen.append)
    assert seen[-1] == pytest.approx(1.0, abs=0.05)


def boxes(path: Path) -> list[bytes]:
    """The kinds of an MP4 file's outermost boxes, in order."""
    data, kinds, position = path.read_bytes(), [], 0
    while position < len(data):
        kinds.append(data[position + 4 : position + 8])
        position += int.from_bytes(data[position : position + 4], "big")
    return kinds


@pytest.mark.parametrize(
    "remark", ["short", "long " * 12_000], ids=["fits", "larger than what was kept free"]
)
async def test_the_index_comes_before_the_picture(ffmpeg: FFmpegWrapper, tmp_path: Path, remark: str) -> None:
    source = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    remarked = tmp_path / "remarked.mp4"
    await ffmpeg.run(media_output(remarked, media_input(source), c="copy", metadata=f"comment={remark}"))
    job = mux_job(remarked, tmp_path)
    await FFmpegVideoEditor(ffmpeg).mux(job)
    kinds = boxes(job.target)
    assert kinds.index(b"moov") < kinds.index(b"mdat")
    assert frame_numbers(job.target) == frame_numbers(source)
