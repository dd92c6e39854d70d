"""Levels that are worked out before anything is mixed, and what the mix of a part is made of."""

import numpy as np
import pytest

from app.media.audio import Samples, write_wav
from app.media.loudness import SILENT, gated_loudness
from app.media.sound_parts import SAMPLE_RATE, Part, aac
from app.render.ducking import DubbedLine, Ducking, Span, plan_ducking
from app.render.measuring import Peak
from app.render.mixer import (
    CEILING,
    HIGHEST_PEAK,
    TELLING_LINES,
    Levels,
    PlacedClip,
    corrected,
    foretold_levels,
    levels_for,
    lowered,
    mix,
    mixed_range,
    original_energies,
    recipe_for,
    until_foretold,
    voice_energies,
    voice_in,
)
from tests.media.babble import babble
from tests.media.clips import tone

CODEC = aac(128_000)
LEFT_ALONE = Ducking(1.0, (), ())
SPEECH = [Span(2.0, 6.0)]


def hum(decibels: float, seconds: float = 8.0) -> Samples:
    """997 Hz on both channels: as many LUFS as its peak has dBFS."""
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = 10 ** (decibels / 20) * np.sin(2 * np.pi * 997 * times)
    return np.tile(wave.astype(np.float32), (2, 1))


def levels(original: Samples, voice: Samples, ducking: Ducking, target: float | None) -> Levels:
    both = np.tile(voice, (2, 1))
    return levels_for(original_energies(original), original_energies(both), SPEECH, ducking, target)


@pytest.mark.parametrize("loudness", [-30.0, -23.0, -12.0])
def test_the_voice_is_as_loud_as_the_speech_it_stands_for(loudness: float) -> None:
    """Clips are of -20 LUFS, so of -17 on both channels."""
    original = hum(-45)
    original[:, 2 * SAMPLE_RATE : 6 * SAMPLE_RATE] = hum(loudness, 4.0)
    voice = np.zeros(original.shape[1], np.float32)
    found = levels(original, voice, LEFT_ALONE, None)
    assert found.voice == pytest.approx(loudness + 17, abs=0.3)
    assert found.master == 0.0


def test_the_whole_is_as_loud_as_asked_with_what_is_left_of_the_original() -> None:
    original, voice = hum(-20), np.zeros(8 * SAMPLE_RATE, np.float32)
    quiet = plan_ducking([DubbedLine(Span(0, 8), Span(0, 8))], 0.5, flat=False)
    assert levels(original, voice, quiet, -16).master == pytest.approx(10, abs=0.3)
    assert levels(original, voice, LEFT_ALONE, -16).master == pytest.approx(4, abs=0.3)


def spoken(*decibels: float) -> tuple[Samples, list[Span]]:
    """Lines of a second every two, each so loud, and their times."""
    voice = np.zeros((2, 2 * len(decibels) * SAMPLE_RATE), np.float32)
    for number, level in enumerate(decibels):
        first = 2 * number * SAMPLE_RATE
        voice[:, first : first + SAMPLE_RATE] = hum(level, 1.0)
    return voice, [Span(2.0 * number, 2.0 * number + 1) for number in range(len(decibels))]


@pytest.mark.parametrize("later", [-20.2, -12.0])
def test_the_levels_are_those_foretold_unless_later_lines_are_otherwise(later: float) -> None:
    voice, speech = spoken(*[-20.0] * TELLING_LINES, *[later] * 20)
    original = original_energies(hum(-70, voice.shape[1] / SAMPLE_RATE))
    ducking = plan_ducking([DubbedLine(span, span) for span in speech], 0.1, flat=False)
    known, first = original_energies(voice), np.copy(original_energies(voice))
    first[round(10 * until_foretold(speech)) :] = 0
    foretold = foretold_levels(original, first, speech, ducking, -16)
    found = levels_for(original, known, speech, ducking, -16)
    assert (found == foretold) == (later < -20)
    assert gated_loudness(known) + found.master == pytest.approx(-16, abs=0.6)


def test_silence_is_left_as_it_is() -> None:
    silence, voice = np.zeros((2, 8 * SAMPLE_RATE), np.float32), np.zeros(8 * SAMPLE_RATE, np.float32)
    assert levels(silence, voice, LEFT_ALONE, -16) == Levels()
    assert corrected(Levels(), -16, SILENT) == Levels()


def test_what_the_limiter_took_is_given_back_in_part() -> None:
    assert corrected(Levels(1.0, 3.0), -16, -18) == Levels(1.0, 5.0)
    assert corrected(Levels(1.0, 3.0), -18.5, -18) == Levels(1.0, 3.0)
    assert corrected(Levels(1.0, 3.0), -9, -18) == Levels(1.0, 9.0)
    assert corrected(Levels(1.0, 3.0), None, -18) == Levels(1.0, 3.0)


def test_only_the_parts_with_too_high_a_peak_get_a_lower_ceiling() -> None:
    parts = [Part(start * SAMPLE_RATE, (start + 10) * SAMPLE_RATE, 0) for start in (0, 10, 20)]
    peaks = [Peak(0, 9, 0.8), Peak(9, 18, 0.95), Peak(18, 30, 0.87)]
    first, second, third = lowered((0.75, 0.75, 0.6), parts, peaks)
    assert first == second == pytest.approx(0.75 * 0.98 * HIGHEST_PEAK / 0.95)
    assert third == 0.6


def test_a_voice_is_as_loud_wherever_its_level_is_measured() -> None:
    part = Part(0, 4 * SAMPLE_RATE, 4 * SAMPLE_RATE)
    file = write_wav(babble(3.0, 1))
    clips = [(PlacedClip("clip", SAMPLE_RATE // 2, 7 * SAMPLE_RATE // 2), file)]
    mixed = np.tile(voice_in(part, clips), (2, 1))
    measured = gated_loudness(voice_energies(part, clips))
    assert measured == pytest.approx(gated_loudness(original_energies(mixed)), abs=0.1)


def test_a_mix_is_the_sum_of_its_parts_each_at_its_level() -> None:
    part = Part(0, 2 * SAMPLE_RATE, 2 * SAMPLE_RATE)
    ducking = plan_ducking([DubbedLine(Span(0, 1), None)], 0.25, flat=True)
    recipe = recipe_for(part, CODEC, [], ducking, Levels(voice=6.02, master=-6.02))
    original, voice = hum(-12, 2.0), np.full(2 * SAMPLE_RATE, 0.1, np.float32)
    mixed = mix(original.copy(), voice, recipe, CODEC)
    kept, quiet = slice(0, SAMPLE_RATE), slice(round(1.1 * SAMPLE_RATE), None)
    np.testing.assert_allclose(mixed[:, kept], original[:, kept] * 0.5 + 0.1, atol=1e-4)
    np.testing.assert_allclose(mixed[:, quiet], original[:, quiet] * 0.125 + 0.1, atol=1e-4)


def test_a_loud_mix_stays_under_the_ceiling() -> None:
    part = Part(0, SAMPLE_RATE, SAMPLE_RATE)
    recipe = recipe_for(part, CODEC, [], LEFT_ALONE, Levels(master=24.0))
    silence = np.zeros(SAMPLE_RATE, np.float32)
    assert np.max(np.abs(mix(hum(0, 1.0), silence, recipe, CODEC))) <= CEILING * 1.0001


def test_a_recipe_holds_what_is_heard_in_the_part_and_nothing_else() -> None:
    starts = [10, 29, 30, 31, 50, 59, 61, 90]
    spans = [Span(float(start), start + 0.5) for start in starts]
    clips = [
        PlacedClip(f"{span}", *(round(t * SAMPLE_RATE) for t in (span.start, span.end))) for span in spans
    ]
    ducking = plan_ducking([DubbedLine(span, span) for span in spans], 0.1, flat=False)
    part = Part(30 * SAMPLE_RATE, 60 * SAMPLE_RATE, 100 * SAMPLE_RATE)
    recipe = recipe_for(part, CODEC, clips, ducking, Levels())
    assert [clip.start // SAMPLE_RATE for clip in recipe.clips] == [30, 31, 50, 59]
    heard = mixed_range(part, CODEC)
    times = np.arange(heard.start, heard.end, 480) / SAMPLE_RATE
    np.testing.assert_allclose(recipe.ducking.gains(times), ducking.gains(times))
    assert len(recipe.ducking.ducked) < len(ducking.ducked)


def test_a_clip_is_laid_to_the_sample_and_cut_at_the_part_s_ends() -> None:
    file = write_wav(tone(0.5, sample_rate=SAMPLE_RATE))
    clip = PlacedClip("clip", 1_000, 25_000)
    whole = voice_in(Part(0, 48_000, 48_000), [(clip, file)])
    assert np.flatnonzero(whole)[0] == 1_001
    assert not np.any(whole[25_000:])
    halves = [voice_in(Part(first, first + 24_000, 48_000), [(clip, file)]) for first in (0, 24_000)]
    np.testing.assert_array_equal(np.concatenate(halves), whole)


def test_failed_lines_close_together_leave_no_dip_between_them() -> None:
    lines = [DubbedLine(Span(1.0, 2.0), None), DubbedLine(Span(2.01, 3.0), None)]
    gains = plan_ducking(lines, 0.1, flat=True).gains(np.linspace(1.0, 3.0, 2_001))
    assert np.min(gains) == 1.0


def test_speech_that_goes_on_after_its_line_is_ducked_as_well() -> None:
    ducking = plan_ducking([DubbedLine(Span(1.0, 2.0), Span(1.2, 2.6))], 0.1, flat=False)
    assert ducking.gains(np.array([0.5, 1.0, 2.0, 2.6, 3.0])) == pytest.approx([1, 0.1, 0.1, 0.1, 1])
