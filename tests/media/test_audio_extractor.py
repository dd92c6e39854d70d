import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import ErrorCode, Problem
from app.media.audio import Audio
from app.media.ffmpeg import FFmpegWrapper
from app.media.probe import probe
from app.media.silence import Clip
from app.subtitles.audio_extractor import AudioExtractor, ClipFormat
from tests.media.clips import onset, sound, tone_file

SharedVideo = Callable[[str], Path]


async def speech(ffmpeg: FFmpegWrapper, video: Path, folder: Path) -> Audio:
    out = folder / "speech.wav"
    await AudioExtractor(ffmpeg).extract_speech(video, probe(video), out)
    with wave.open(str(out)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
    return sound(out)


@pytest.mark.parametrize(
    ("name", "first_sound"), [("audio_starts_late_3s.mp4", 2.98), ("mkv_delayed.mkv", 0.5)]
)
async def test_late_sound_stays_late(
    ffmpeg: FFmpegWrapper, shared_video: SharedVideo, tmp_path: Path, name: str, first_sound: float
) -> None:
    assert onset(await speech(ffmpeg, shared_video(name), tmp_path), 0.0002) >= first_sound


async def test_speech_in_the_centre_channel_is_heard(
    ffmpeg: FFmpegWrapper, shared_video: SharedVideo, tmp_path: Path
) -> None:
    heard = await speech(ffmpeg, shared_video("surround51_centre.mp4"), tmp_path)
    assert np.max(np.abs(heard.samples)) > 0.3


async def test_the_default_track_is_taken(
    ffmpeg: FFmpegWrapper, shared_video: SharedVideo, tmp_path: Path
) -> None:
    heard = await speech(ffmpeg, shared_video("multi_audio_en_ko_es.mkv"), tmp_path)
    assert heard.duration == pytest.approx(47.0, abs=0.1)  # the English track ends at 35 s


async def test_without_sound_there_is_nothing_to_hear(
    ffmpeg: FFmpegWrapper, shared_video: SharedVideo, tmp_path: Path
) -> None:
    with pytest.raises(Problem) as caught:
        await speech(ffmpeg, shared_video("no_audio.mp4"), tmp_path)
    assert caught.value.code is ErrorCode.NO_AUDIO_TRACK


@pytest.mark.parametrize("audio_format", ["wav", "flac"])
async def test_clips_are_cut_where_they_should_be(
    ffmpeg: FFmpegWrapper, tmp_path: Path, audio_format: ClipFormat
) -> None:
    recording = tone_file(tmp_path / "speech.wav", 3.0, at=1.5)
    out = tmp_path / f"clip.{audio_format}"
    await AudioExtractor(ffmpeg).cut_clip(recording, Clip(1.0, 2.25), audio_format, out)
    clip = sound(out)
    assert clip.duration == pytest.approx(1.25, abs=0.01)
    assert onset(clip, 0.2) == pytest.approx(0.5, abs=0.01)
