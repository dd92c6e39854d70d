"""PCM audio in memory: read, trim, stretch, write. Mono float32 in [-1, 1], shape (samples,)."""

import io
import wave
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.media.formats import READABLE_FORMATS

Samples = NDArray[np.float32]
AudioFormat = Literal["mp3", "wav"]

MP3_SAMPLE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
PEAK_CEILING = 0.99
FRAME_SECONDS = 0.005
_FULL_SCALE = 32_767


RUN = 1 << 15
"""As many samples as a processor has at hand: run by run, a long sound is worked on several times faster."""


class UnreadableAudio(ValueError):
    """Bytes that hold no audio."""


@dataclass(frozen=True, slots=True)
class Audio:
    """Mono PCM; `sample_rate` in Hz."""

    samples: Samples
    sample_rate: int

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate


def runs(count: int) -> Iterator[slice]:
    """Consecutive slices of `RUN` over so many samples, the last one as long as it may be."""
    return (slice(first, min(count, first + RUN)) for first in range(0, count, RUN))


def read_audio(data: bytes) -> Audio:
    """A wav, mp3, flac or ogg file as mono at its own sample rate. Raises `UnreadableAudio`."""
    plain = _plain_wav(data)
    return _decoded(data) if plain is None else plain


def _plain_wav(data: bytes) -> Audio | None:
    """16-bit mono WAV, such as is written here, to the sample and at a hundredth of a decoder's cost."""
    with suppress(wave.Error, EOFError), wave.open(io.BytesIO(data), "rb") as file:
        if (file.getnchannels(), file.getsampwidth()) == (1, 2):
            pcm = file.readframes(file.getnframes())
            samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float32)
            return Audio(samples / np.float32(_FULL_SCALE), file.getframerate())
    return None


def _decoded(data: bytes) -> Audio:
    import av

    try:
        with av.open(io.BytesIO(data), mode="r", options=READABLE_FORMATS) as container:
            if not container.streams.audio:
                raise UnreadableAudio("there is no audio in it")
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp")
            frames = [out for frame in container.decode(stream) for out in resampler.resample(frame)]
    except av.FFmpegError as error:
        raise UnreadableAudio(error.strerror or str(error)) from error
    # The mean: FFmpeg's own way to mono makes a voice that is on both channels 3 dB louder.
    return Audio(_joined(np.mean(frame.to_ndarray(), axis=0) for frame in frames), stream.sample_rate)


def write_wav(audio: Audio) -> bytes:
    """A 16-bit mono wav file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.sample_rate)
        file.writeframes(to_int16(audio.samples).tobytes())
    return buffer.getvalue()


def to_int16(samples: Samples) -> NDArray[np.int16]:
    """Samples as 16-bit PCM in the file's byte order; what is over full scale is clipped."""
    pcm: NDArray[np.int16] = np.rint(np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype("<i2")
    return pcm


def resample(audio: Audio, sample_rate: int) -> Audio:
    """The same sound at another rate, its length exact to the sample."""
    if sample_rate == audio.sample_rate or not len(audio.samples):
        return Audio(audio.samples, sample_rate)
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate)
    parts: list[ArrayLike] = []
    for run in runs(len(audio.samples)):
        frame = av.AudioFrame.from_ndarray(audio.samples[None, run], format="flt", layout="mono")
        frame.sample_rate = audio.sample_rate
        parts += [part.to_ndarray() for part in resampler.resample(frame)]
    parts += [part.to_ndarray() for part in resampler.resample(None)]
    length = round(len(audio.samples) * sample_rate / audio.sample_rate)
    return Audio(_fitted(_joined(parts), length), sample_rate)


def trim_silence(audio: Audio, threshold_db: float = -45.0, pad: float = 0.015) -> Audio:
    """Without the quiet before and after the sound, but for `pad` seconds at either end.

    Quiet is below `threshold_db` of full scale. Audio that is quiet throughout comes back empty.
    """
    frame = max(1, round(FRAME_SECONDS * audio.sample_rate))
    loud = np.flatnonzero(_levels(audio.samples, frame) > 10.0 ** (threshold_db / 20.0))
    if not len(loud):
        return Audio(audio.samples[:0], audio.sample_rate)
    margin = round(pad * audio.sample_rate)
    start = max(0, int(loud[0]) * frame - margin)
    end = (int(loud[-1]) + 1) * frame + margin
    return Audio(audio.samples[start:end], audio.sample_rate)


def change_speed(audio: Audio, factor: float) -> Audio:
    """Faster (`factor` above 1) or slower at the same pitch; the length is the old one over `factor`."""
    return audio if factor == 1.0 else _stretched(audio, speed=factor)


def shift_pitch(audio: Audio, semitones: float) -> Audio:
    """Higher or lower at the same length."""
    return audio if semitones == 0.0 else _stretched(audio, semitones=semitones)


def gain(audio: Audio, db: float) -> Audio:
    """Louder or quieter by `db`, by less where the loudest sample would clip."""
    peak = float(np.max(np.abs(audio.samples), initial=0.0))
    wanted = 10.0 ** (db / 20.0)
    factor = min(wanted, max(1.0, PEAK_CEILING / peak)) if peak > 0.0 else wanted
    return Audio((audio.samples * np.float32(factor)).astype(np.float32), audio.sample_rate)


def fade_edges(audio: Audio, seconds: float = 0.005) -> Audio:
    """The first and last `seconds` ramped from and to nothing, so that neither end clicks."""
    length = min(round(seconds * audio.sample_rate), len(audio.samples) // 2)
    if length == 0:
        return audio
    ramp = np.linspace(0.0, 1.0, length, endpoint=False, dtype=np.float32)
    samples = audio.samples.copy()
    samples[:length] *= ramp
    samples[-length:] *= ramp[::-1]
    return Audio(samples, audio.sample_rate)


def lay(sound: Samples, samples: Samples, position: int) -> None:
    """Writes the samples into the sound from `position` on, but for what falls before or after it; both have
    the shape (channels, samples)."""
    first, last = max(0, position), min(sound.shape[1], position + samples.shape[1])
    if first < last:
        sound[:, first:last] = samples[:, first - position : last - position]


def encode(audio: Audio, audio_format: AudioFormat, sample_rate: int) -> bytes:
    """A file of that format, also of nothing; an mp3 takes the nearest sample rate that mp3 knows."""
    if audio_format == "wav":
        return write_wav(resample(audio, sample_rate))
    return _encode_mp3(resample(audio, mp3_sample_rate(sample_rate)))


def mp3_sample_rate(sample_rate: int) -> int:
    """The nearest rate in Hz that an mp3 file can have."""
    return min(MP3_SAMPLE_RATES, key=lambda rate: abs(rate - sample_rate))


def _encode_mp3(audio: Audio) -> bytes:
    import av

    samples = audio.samples if len(audio.samples) else np.zeros(1, np.float32)  # no frame may be empty
    buffer = io.BytesIO()
    with av.open(buffer, mode="w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=audio.sample_rate, layout="mono")
        stream.bit_rate = 64_000 if audio.sample_rate <= 24_000 else 96_000
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = audio.sample_rate
        for packet in stream.encode(frame) + stream.encode(None):
            container.mux(packet)
    return buffer.getvalue()


def _stretched(audio: Audio, *, speed: float = 1.0, semitones: float = 0.0) -> Audio:
    from python_stretch import Signalsmith

    length = round(len(audio.samples) / speed)
    if length == 0:
        return Audio(audio.samples[:0], audio.sample_rate)
    # A fixed seed: the same line must come out the same, or nothing built on its hash is reused.
    stretch = Signalsmith.Stretch(1)
    stretch.preset(1, audio.sample_rate)
    stretch.setTimeFactor(speed)
    stretch.setTransposeSemitones(semitones)
    stretched = stretch.process(np.ascontiguousarray(audio.samples).reshape(1, -1))
    return Audio(_fitted(_joined([stretched]), length), audio.sample_rate)


def _levels(samples: Samples, frame: int) -> Samples:
    """The RMS of each `frame` samples, the last one filled with silence."""
    padded = np.pad(samples, (0, -len(samples) % frame)).reshape(-1, frame)
    return np.sqrt(np.mean(np.square(padded), axis=1, dtype=np.float32))


def _joined(parts: Iterable[ArrayLike]) -> Samples:
    """One run of samples from parts of shape (samples,) or (1, samples)."""
    return np.concatenate(
        [np.zeros(0, np.float32), *(np.ravel(np.asarray(part, np.float32)) for part in parts)]
    )


def _fitted(samples: Samples, length: int) -> Samples:
    return samples[:length] if len(samples) >= length else np.pad(samples, (0, length - len(samples)))
