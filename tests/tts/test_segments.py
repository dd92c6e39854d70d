"""The sound of a line: as loud as every other, and never clipped."""

import numpy as np
import pytest

from app.media.audio import Audio, UnreadableAudio, encode, read_audio, write_wav
from app.media.loudness import loudness
from app.tts.segments import VOICE_LOUDNESS, deliver, fit, is_silent, level
from app.tts.storage import Delivery

RATE = 24_000


def tone(amplitude: float, seconds: float = 1.0, pitch: float = 300.0) -> Audio:
    times = np.arange(round(seconds * RATE)) / RATE
    return Audio((amplitude * np.sin(2 * np.pi * pitch * times)).astype(np.float32), RATE)


def lufs(audio: Audio) -> float:
    return loudness(audio.samples[None, :], audio.sample_rate)


def delivery(volume_gain_db: float = 0.0, speaking_rate: float = 1.0) -> Delivery:
    return Delivery("nova", speaking_rate=speaking_rate, pitch=0.0, volume_gain_db=volume_gain_db)


@pytest.mark.parametrize("amplitude", [0.03, 0.3, 1.0])
@pytest.mark.parametrize("wanted", [-10.0, 0.0, 6.0])
def test_every_voice_is_as_loud(amplitude: float, wanted: float) -> None:
    audio = read_audio(deliver(write_wav(tone(amplitude)), delivery(wanted), RATE))
    assert lufs(audio) == pytest.approx(VOICE_LOUDNESS + wanted, abs=0.3)


def test_a_whisper_is_raised_by_20_db_at_most() -> None:
    whisper = tone(0.001)
    assert lufs(level(whisper)) == pytest.approx(lufs(whisper) + 20, abs=0.1)


def test_peaks_stay_below_clipping_and_nothing_is_bent() -> None:
    clicks = tone(0.01)
    clicks.samples[::2400] = 0.9
    raised = level(clicks, 10.0)
    assert np.max(np.abs(raised.samples)) == pytest.approx(10 ** (-1 / 20), rel=0.001)
    assert raised.samples == pytest.approx(clicks.samples * raised.samples[0] / clicks.samples[0], rel=0.001)


def test_a_clip_is_read_to_the_sample_whatever_file_it_is() -> None:
    audio = tone(0.3)
    clip = write_wav(audio)
    assert write_wav(read_audio(clip)) == clip
    mp3 = read_audio(encode(audio, "mp3", RATE))
    assert mp3.sample_rate == RATE
    assert mp3.duration == pytest.approx(audio.duration, abs=0.1)
    with pytest.raises(UnreadableAudio):
        read_audio(b"nothing of the kind")


def test_nothing_is_left_of_silence() -> None:
    silence = Audio(np.zeros(RATE, np.float32), RATE)
    assert is_silent(silence)
    assert read_audio(deliver(write_wav(silence), delivery(), RATE)).duration == 0
    assert not is_silent(tone(0.1))


def test_a_line_is_fitted_to_the_sample_and_starts_without_a_click() -> None:
    clip = write_wav(tone(0.3, seconds=2.0))
    fitted = read_audio(fit(clip, 1.25))
    assert len(fitted.samples) == round(2 * RATE / 1.25)
    assert abs(fitted.samples[0]) < 0.001
    assert abs(fitted.samples[-1]) < 0.01
