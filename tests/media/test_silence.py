from pathlib import Path

import numpy as np
import pytest

from app.media.audio import Audio, write_wav
from app.media.silence import Clip, Levels, Silence, find_silences, plan_clips, read_levels
from tests.media.clips import tone


def recording(path: Path, level: float = 1.0) -> Path:
    """A second of sound, one and a half of faint noise, a second of sound."""
    noise = np.random.default_rng(1).normal(0, 0.0005, 24_000).astype(np.float32)
    loud = tone(1.0, sample_rate=16_000).samples
    path.write_bytes(write_wav(Audio(np.concatenate([loud, noise, loud]) * np.float32(level), 16_000)))
    return path


@pytest.mark.parametrize("level", [1.0, 0.1])
def test_a_pause_is_found_however_quiet_the_speaker(tmp_path: Path, level: float) -> None:
    (pause,) = find_silences(read_levels(recording(tmp_path / "speech.wav", level)))
    assert (pause.start, pause.end) == pytest.approx((1.0, 2.5), abs=0.03)


def test_a_click_does_not_end_a_pause() -> None:
    frames = np.full(100, -70.0, np.float32)
    frames[40:42] = -20.0  # a click of 40 ms
    frames[70:90] = -20.0
    first, second = find_silences(Levels(frames, quiet_below=-50.0), minimum=0.1)
    assert (first.start, first.end, second.start, second.end) == pytest.approx((0.0, 1.4, 1.8, 2.0))


@pytest.mark.parametrize("noise_db", [-75.0, -60.0, -50.0])
def test_a_pause_is_told_from_speech_whatever_the_room_s_noise(tmp_path: Path, noise_db: float) -> None:
    chance = np.random.default_rng(1)
    noise = chance.normal(0, 10 ** (noise_db / 20), 64_000)
    noise[16_000:48_000] += 0.1 * np.sin(np.arange(32_000) * 0.1)
    path = tmp_path / "noisy.wav"
    path.write_bytes(write_wav(Audio(noise.astype(np.float32), 16_000)))
    first, second = find_silences(read_levels(path))
    assert (first.end, second.start) == pytest.approx((1.0, 3.0), abs=0.03)


def test_short_pauses_do_not_count(tmp_path: Path) -> None:
    assert find_silences(read_levels(recording(tmp_path / "speech.wav")), minimum=2.0) == ()


def test_an_empty_recording_has_none(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.write_bytes(write_wav(Audio(np.zeros(0, np.float32), 16_000)))
    assert find_silences(read_levels(path)) == ()


def test_a_remainder_too_short_to_hear_is_no_clip() -> None:
    assert plan_clips(30.02, [], 30.0) == (Clip(0.0, 30.0),)


def test_short_recordings_are_one_clip() -> None:
    assert plan_clips(20.0, [], 30.0) == (Clip(0.0, 20.0),)


def test_cuts_are_in_the_middle_of_the_longest_late_pause() -> None:
    pauses = [Silence(4, 9), Silence(18, 20), Silence(27, 28)]
    assert plan_clips(40.0, pauses, 30.0) == (Clip(0.0, 19.0), Clip(19.0, 40.0))


def test_an_early_pause_is_better_than_cutting_a_word() -> None:
    assert plan_clips(40.0, [Silence(10, 11)], 30.0) == (Clip(0.0, 10.5), Clip(10.5, 40.0))


def test_who_never_pauses_is_cut_at_the_limit() -> None:
    assert plan_clips(70.0, [], 30.0) == (Clip(0.0, 30.0), Clip(30.0, 60.0), Clip(60.0, 70.0))


def test_silent_clips_are_left_out() -> None:
    clips = plan_clips(120.0, [Silence(10, 110)], 20.0)
    assert all(clip.end - clip.start <= 20.0 for clip in clips)
    assert clips[0].start == 0.0
    assert clips[-1].end == 120.0
    assert not any(clip.start >= 10 and clip.end <= 110 for clip in clips)
