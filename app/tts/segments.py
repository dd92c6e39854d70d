"""AudioSegmentHandler: one line's sound, from what the engine gave to what is placed. Blocking."""

from app.media.audio import (
    Audio,
    change_speed,
    fade_edges,
    gain,
    read_audio,
    resample,
    shift_pitch,
    trim_silence,
)
from app.tts.storage import Delivery


def deliver(raw: bytes, delivery: Delivery, sample_rate: int) -> Audio:
    """The speech as asked for: its ends trimmed, at the pace, pitch, loudness and rate (Hz) wanted.

    `raw` is the engine's speech as a WAV file.
    """
    audio = trim_silence(read_audio(raw))
    if delivery.speaking_rate != 1.0:
        audio = change_speed(audio, delivery.speaking_rate)
    if delivery.pitch:
        audio = shift_pitch(audio, delivery.pitch)
    return fade_edges(gain(resample(audio, sample_rate), delivery.volume_gain_db))


def fit(audio: Audio, speed: float) -> Audio:
    """The same words in `1 / speed` of the time, at the same pitch."""
    return audio if speed == 1.0 else change_speed(audio, speed)
