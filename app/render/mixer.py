"""The sound of a dub: how loud the voice and the whole have to be, and the mix of one part. Blocking."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.media.audio import Samples, read_audio, resample, runs
from app.media.blocks import line_between
from app.media.limiter import REACH, limit
from app.media.loudness import HOP_SECONDS, Energies, gated_loudness, hop_energies, to_power
from app.media.sound_parts import SAMPLE_RATE, Part, SoundCodec, encoded_range
from app.render.ducking import DubbedLine, Ducking, Span, Times, plan_ducking
from app.render.measuring import Peak
from app.tts.segments import VOICE_LOUDNESS

# Peaks come out of an encoder a little higher than they went in, and between samples higher still.
CEILING = 10 ** (-2.5 / 20)
HIGHEST_PEAK = 10 ** (-1.2 / 20)
"""What the true peak may be after encoding: what is measured is certain to 0.2 dB."""
HOP = round(HOP_SECONDS * SAMPLE_RATE)
# Of voices, whose levels need not be measured at the rate of the mix: engines speak at this one.
VOICE_RATE = 24_000
GAIN_BLOCK = 64
TIMES_PER_HOP = 10
# So that one edited line does not change the level of all the others.
GAIN_STEP_DB = 0.5
INAUDIBLE_LUFS = -60.0
VOICE_GAIN_DB = (-20.0, 12.0)
MASTER_GAIN_DB = (-30.0, 24.0)
# Nobody hears that, and of most films what twelve lines show is nearer.
FORETOLD_WITHIN_DB = 0.5
TELLING_LINES = 12
TOLERATED_LU = 0.75
MOST_CORRECTED_LU = 6.0
BOTH_CHANNELS_DB = 10 * math.log10(2)


@dataclass(frozen=True, slots=True)
class PlacedClip:
    """A line's sound: the `key` of a mono WAV object, and the samples from `start` to `end` that it takes."""

    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Levels:
    """Gains in dB, of the voice and then of everything."""

    voice: float = 0.0
    master: float = 0.0


@dataclass(frozen=True, slots=True)
class PartRecipe:
    """Everything that determines the sound of a part, but for the original's; `ceiling` is what no sample
    may be above."""

    part: Part
    clips: tuple[PlacedClip, ...]
    ducking: Ducking
    levels: Levels
    ceiling: float = CEILING


def levels_for(
    original: Energies,
    voice: Energies,
    speech: Sequence[Span],
    ducking: Ducking,
    target: float | None,
) -> Levels:
    """A voice as loud as the `speech` it takes the place of, and a mix of the `target` loudness (LUFS).

    `original` and `voice` are `hop_energies` in stereo on the video's clock, of the same length. Where
    there is nothing to measure, or no target, that gain is 0. The `foretold_levels` are as good where they
    are near enough: parts may have been mixed at them before all was spoken.
    """
    foretold = foretold_levels(original, voice, speech, ducking, target)
    missing = _missing(original, 10 ** (foretold.voice / 10) * voice, ducking, target)
    if missing is None:
        return replace(foretold, master=0.0)
    if abs(missing - foretold.master) <= FORETOLD_WITHIN_DB:
        return foretold
    return replace(foretold, master=_stepped(missing, MASTER_GAIN_DB))


def foretold_levels(
    original: Energies,
    voice: Energies,
    speech: Sequence[Span],
    ducking: Ducking,
    target: float | None,
) -> Levels:
    """What `levels_for` will be nearly, by the mix `until_foretold` alone: `voice` and `ducking` beyond that
    do not matter. The rest is taken to be spoken like it, all the time of the lines."""
    voice_gain = _voice_gain(original, speech)
    louder, spoken = 10 ** (voice_gain / 10) * voice, _hops_in(speech, len(original))
    slots = plan_ducking([DubbedLine(span, span) for span in speech], ducking.volume, flat=ducking.flat)
    first = slice(0, max(1, round(until_foretold(speech) / HOP_SECONDS)))
    expected = np.where(spoken, to_power(gated_loudness(louder[first][spoken[first]])), 0.0)
    whole = _missing(original, expected, slots, target)
    beginning = _missing(original[first], expected[first], slots, target)
    really = _missing(original[first], louder[first], ducking, target)
    if whole is None or beginning is None or really is None:
        return Levels(voice_gain)
    return Levels(voice_gain, _stepped(whole - beginning + really, MASTER_GAIN_DB))


def until_foretold(speech: Sequence[Span]) -> float:
    """The end of what shows how loud a mix will be, in seconds: of its first lines."""
    return max((span.end for span in speech[:TELLING_LINES]), default=0.0)


def _voice_gain(original: Energies, speech: Sequence[Span]) -> float:
    heard = gated_loudness(original[_hops_in(speech, len(original))])
    wanted = heard - VOICE_LOUDNESS - BOTH_CHANNELS_DB
    return _stepped(wanted, VOICE_GAIN_DB) if heard > INAUDIBLE_LUFS else 0.0


def _missing(original: Energies, voice: Energies, ducking: Ducking, target: float | None) -> float | None:
    """What a mix lacks of its target in dB, None if there is nothing to aim for or nothing to hear."""
    if target is None:
        return None
    mixed = gated_loudness(_mean_squares(ducking, len(original)) * original + voice)
    return target - mixed if mixed > INAUDIBLE_LUFS else None


def corrected(levels: Levels, target: float | None, heard: float) -> Levels:
    """Levels that bring a finished mix that is `heard` at so many LUFS to its `target`, the same ones where
    it is near enough.

    What the limiter takes cannot be foretold. A mix that is hardly audible is left as it is.
    """
    if target is None:
        return levels
    missing = target - heard
    if heard <= INAUDIBLE_LUFS or abs(missing) <= TOLERATED_LU:
        return levels
    change = float(np.clip(missing, -MOST_CORRECTED_LU, MOST_CORRECTED_LU))
    return replace(levels, master=_stepped(levels.master + change, MASTER_GAIN_DB))


def lowered(ceilings: Sequence[float], parts: Sequence[Part], peaks: Sequence[Peak]) -> tuple[float, ...]:
    """The ceilings of the parts, lower where a finished mix has too high a peak."""
    high = [peak for peak in peaks if peak.height > HIGHEST_PEAK]
    return tuple(
        min((ceiling, *(ceiling * 0.98 * HIGHEST_PEAK / peak.height for peak in high if _touch(part, peak))))
        for ceiling, part in zip(ceilings, parts, strict=True)
    )


def mixed_range(part: Part, codec: SoundCodec) -> Part:
    """What has to be there to mix and encode a part."""
    return encoded_range(part, codec).widened(REACH, REACH)


def recipe_for(
    part: Part,
    codec: SoundCodec,
    clips: Iterable[PlacedClip],
    ducking: Ducking,
    levels: Levels,
    ceiling: float = CEILING,
) -> PartRecipe:
    heard = mixed_range(part, codec)
    near = ducking.between(heard.start / SAMPLE_RATE, heard.end / SAMPLE_RATE)
    return PartRecipe(part, clips_in(clips, heard), near, levels, ceiling)


def clips_in(clips: Iterable[PlacedClip], part: Part) -> tuple[PlacedClip, ...]:
    return tuple(clip for clip in clips if clip.start < part.end and clip.end > part.start)


def voice_in(part: Part, clips: Iterable[tuple[PlacedClip, bytes]]) -> Samples:
    """The voice alone in a part, mono; each clip comes with its file."""
    voice = np.zeros(part.end - part.start, np.float32)
    for clip, file in clips:
        _add(voice, resample(read_audio(file), SAMPLE_RATE).samples, clip.start - part.start)
    return voice


def original_energies(samples: Samples) -> Energies:
    """Of the original's sound in stereo at the rate of the mix."""
    return hop_energies(samples, SAMPLE_RATE)


def voice_energies(part: Part, clips: Iterable[tuple[PlacedClip, bytes]]) -> Energies:
    """Of the voice in a part, on both channels; each clip comes with its file."""
    share = VOICE_RATE / SAMPLE_RATE
    voice = np.zeros(round((part.end - part.start) * share), np.float32)
    for clip, file in clips:
        _add(voice, resample(read_audio(file), VOICE_RATE).samples, round((clip.start - part.start) * share))
    return 2 * hop_energies(voice[None], VOICE_RATE)


def mix(original: Samples, voice: Samples, recipe: PartRecipe, codec: SoundCodec) -> Samples:
    """What there is to encode for a part: `encoded_range` of it, in stereo.

    `original` (2, samples) and `voice` (samples,) are those of `mixed_range`. It is mixed in place: what is
    returned is a view of the `original`.
    """
    heard, encoded = mixed_range(recipe.part, codec), encoded_range(recipe.part, codec)
    master = 10 ** (recipe.levels.master / 20)
    knots = _gains(recipe.ducking, heard) * np.float32(master)
    voice_gain = np.float32(10 ** (recipe.levels.voice / 20) * master)
    for run in runs(original.shape[1]):
        original[:, run] *= line_between(knots, GAIN_BLOCK, run)
        original[:, run] += voice[run] * voice_gain
    limit(original, recipe.ceiling)
    return original[:, encoded.start - heard.start : encoded.end - heard.start]


def _gains(ducking: Ducking, part: Part) -> Samples:
    """The original's gain at each border of a `GAIN_BLOCK`; straight from one to the next."""
    blocks = -(-(part.end - part.start) // GAIN_BLOCK)
    borders = part.start + GAIN_BLOCK * np.arange(blocks + 1, dtype=np.float64)
    return ducking.gains(borders / SAMPLE_RATE).astype(np.float32)


def _add(voice: Samples, samples: Samples, position: int) -> None:
    """What of the samples is in the voice if they begin at `position`."""
    first, last = max(0, position), min(len(voice), position + len(samples))
    if first < last:
        voice[first:last] += samples[first - position : last - position]


def _touch(part: Part, peak: Peak) -> bool:
    return part.start < peak.end * SAMPLE_RATE and part.end > peak.start * SAMPLE_RATE


def _stepped(gain: float, bounds: tuple[float, float]) -> float:
    return float(np.clip(round(gain / GAIN_STEP_DB) * GAIN_STEP_DB, *bounds))


def _hops_in(spans: Sequence[Span], hops: int) -> NDArray[np.bool_]:
    """Which hops have their middle in a span."""
    inside = np.zeros(hops, np.bool_)
    for span in spans:
        inside[max(0, round(span.start / HOP_SECONDS)) : max(0, round(span.end / HOP_SECONDS))] = True
    return inside


def _mean_squares(ducking: Ducking, hops: int) -> Energies:
    """What is left of the original's power in each hop."""
    count = hops * TIMES_PER_HOP
    times: Times = (np.arange(count, dtype=np.float64) + 0.5) * (HOP_SECONDS / TIMES_PER_HOP)
    squares: Energies = np.mean(np.square(ducking.gains(times)).reshape(hops, TIMES_PER_HOP), axis=1)
    return squares
