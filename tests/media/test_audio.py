import io
import wave

import numpy as np
import pytest

from app.media.audio import (
    Audio,
    AudioFormat,
    UnreadableAudio,
    change_speed,
    encode,
    fade_edges,
    gain,
    read_audio,
    resample,
    shift_pitch,
    to_int16,
    trim_silence,
    write_wav,
)
from tests.media.clips import onset, tone


def pitch(audio: Audio) -> float:
    spectrum = np.abs(np.fft.rfft(audio.samples))
    return float(np.argmax(spectrum)) * audio.sample_rate / len(audio.samples)


def test_wav_comes_back_as_it_was() -> None:
    audio = tone(0.5)
    back = read_audio(write_wav(audio))
    assert back.sample_rate == audio.sample_rate
    np.testing.assert_allclose(back.samples, audio.samples, atol=1e-4)


def test_a_voice_on_both_channels_keeps_its_level() -> None:
    voice = to_int16(tone(0.5).samples)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(np.repeat(voice, 2).tobytes())
    np.testing.assert_allclose(read_audio(buffer.getvalue()).samples, tone(0.5).samples, atol=1e-4)


def test_bytes_without_sound_are_refused() -> None:
    with pytest.raises(UnreadableAudio):
        read_audio(b"no sound here" * 50)


def test_trimming_takes_the_ends_and_leaves_the_pause_within() -> None:
    first, second = tone(1.0, at=0.3, until=0.5), tone(1.0, at=0.4, until=0.6)
    audio = Audio(np.concatenate([first.samples, second.samples]), 24_000)
    assert trim_silence(audio, pad=0.015).duration == pytest.approx(1.3 + 2 * 0.015, abs=0.01)


def test_trimming_silence_leaves_nothing() -> None:
    assert trim_silence(Audio(np.zeros(24_000, np.float32), 24_000)).duration == 0


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.2, 1.3, 2.0])
def test_speed_changes_the_length_exactly_and_keeps_the_onset_in_proportion(factor: float) -> None:
    faster = change_speed(tone(2.0, at=1.0, until=1.5), factor)
    assert len(faster.samples) == round(48_000 / factor)
    assert onset(faster, 0.2) == pytest.approx(1.0 / factor, abs=0.01)


def test_the_same_line_is_stretched_the_same_way_each_time() -> None:
    line = tone(0.5)
    np.testing.assert_array_equal(change_speed(line, 1.2).samples, change_speed(line, 1.2).samples)


def test_pitch_changes_the_tone_and_not_the_length() -> None:
    higher = shift_pitch(tone(2.0), 12)
    assert len(higher.samples) == 48_000
    assert pitch(higher) == pytest.approx(880, rel=0.01)


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_the_shortest_audio_can_be_stretched(samples: int) -> None:
    assert len(change_speed(Audio(np.ones(samples, np.float32), 24_000), 1.25).samples) == round(
        samples / 1.25
    )


def test_gain_is_exact_until_it_would_clip() -> None:
    audio = tone(0.1)
    assert np.max(np.abs(gain(audio, -6.0).samples)) == pytest.approx(0.25, abs=0.002)
    assert np.max(np.abs(gain(audio, 10.0).samples)) == pytest.approx(0.99, abs=0.001)


def test_faded_edges_start_and_end_at_nothing() -> None:
    faded = fade_edges(Audio(np.ones(2_400, np.float32), 24_000), 0.005)
    assert faded.samples[0] == faded.samples[-1] == 0
    assert faded.samples[120] == 1


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
def test_resampling_moves_nothing(rate: int) -> None:
    resampled = resample(tone(1.0, at=0.5), rate)
    assert len(resampled.samples) == rate
    assert onset(resampled) == pytest.approx(0.5, abs=0.002)


@pytest.mark.parametrize(
    ("audio_format", "asked", "got"),
    [("mp3", 24_000, 24_000), ("mp3", 23_000, 22_050), ("mp3", 96_000, 48_000), ("wav", 23_000, 23_000)],
)
def test_encoded_files_keep_length_and_onset(audio_format: AudioFormat, asked: int, got: int) -> None:
    back = read_audio(encode(tone(1.0, at=0.5), audio_format, asked))
    assert back.sample_rate == got
    assert back.duration == pytest.approx(1.0, abs=0.005)
    assert onset(back) == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize("audio_format", ["mp3", "wav"])
@pytest.mark.parametrize("asked", [24_000, 16_000])
def test_a_line_of_which_nothing_is_left_is_a_file_all_the_same(
    audio_format: AudioFormat, asked: int
) -> None:
    nothing = trim_silence(Audio(np.zeros(4_800, np.float32), 24_000))
    back = read_audio(encode(nothing, audio_format, asked))
    assert back.sample_rate == asked
    assert back.duration < 0.005
