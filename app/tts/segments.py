"""AudioSegmentHandler: one line's sound, from what the engine gave to what is placed. Blocking."""

import numpy as np

from app.media.audio import (
    Audio,
    change_speed,
    fade_edges,
    gain,
    read_audio,
    resample,
    shift_pitch,
    trim_silence,
    write_wav,
)
from app.media.loudness import SILENT, loudness
from app.tts.storage import Delivery

VOICE_LOUDNESS = -20.0
MOST_GAIN_DB = 20.0
HIGHEST_PEAK_DB = -1.0


def deliver(raw: bytes, delivery: Delivery, sample_rate: int) -> bytes:
    """The speech as asked for, as a WAV file: its ends trimmed, at the pace, pitch and rate (Hz) wanted, and
    as loud as every voice is (`VOICE_LOUDNESS`, LUFS) before what is wanted on top.

    `raw` is the engine's speech as a WAV file.
    """
    audio = trim_silence(read_audio(raw))
    if delivery.speaking_rate != 1.0:
        audio = change_speed(audio, delivery.speaking_rate)
    if delivery.pitch:
        audio = shift_pitch(audio, delivery.pitch)
    return write_wav(fade_edges(level(resample(audio, sample_rate), delivery.volume_gain_db)))


def level(audio: Audio, on_top_db: float = 0.0) -> Audio:
    """At `VOICE_LOUDNESS` plus `on_top_db`; less where a peak would come too near to clipping."""
    measured = loudness(audio.samples[None, :], audio.sample_rate)
    if measured == SILENT:
        return audio
    wanted = float(np.clip(VOICE_LOUDNESS - measured, -MOST_GAIN_DB, MOST_GAIN_DB)) + on_top_db
    peak_db = 20 * float(np.log10(np.max(np.abs(audio.samples))))
    return gain(audio, min(wanted, HIGHEST_PEAK_DB - peak_db))


def fit(clip: bytes, speed: float) -> bytes:
    """The same words in `1 / speed` of the time, at the same pitch, as a WAV file."""
    return write_wav(fade_edges(change_speed(read_audio(clip), speed)))


def is_silent(audio: Audio) -> bool:
    return not len(trim_silence(audio).samples)
