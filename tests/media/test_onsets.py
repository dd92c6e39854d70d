"""Clips found in mixes whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from app.media.audio import Audio
from app.media.onsets import find_clip
from tests.media.babble import Laid, babble, mixed, whistle

EXACT = 0.003
CLIPS = {"speech": babble(1.6, 1), "a short word": babble(0.35, 2), "a tone": whistle(1.5)}


def without_the_end(clip: Audio, seconds: float) -> Audio:
    samples = clip.samples.copy()
    samples[-round(seconds * clip.sample_rate) :] = 0
    return replace(clip, samples=samples)


@pytest.mark.parametrize("late", [0.037, -0.037, 0.45])
@pytest.mark.parametrize("original", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_is_found_where_it_is(name: str, original: float, late: float) -> None:
    clip = CLIPS[name]
    mix = mixed(6, [Laid(clip, 2.5 + late, 2.0), Laid(babble(6, 9), 0.0, 2 * original)])
    heard = find_clip(mix, clip, 2.5)
    assert heard is not None
    assert heard.start == pytest.approx(2.5 + late, abs=EXACT)
    assert not heard.cut


def test_a_tone_among_tones_of_the_same_pitch() -> None:
    clip = whistle(1.0)
    mix = mixed(6, [Laid(clip, start + 0.02) for start in (1.4, 2.5, 3.6)])
    heard = find_clip(mix, clip, 2.5)
    assert heard is not None
    assert heard.start == pytest.approx(2.52, abs=EXACT)


def test_other_speech_is_not_taken_for_it() -> None:
    assert find_clip(mixed(6, [Laid(babble(6, 9), 0.0)]), babble(1.6, 1), 2.5) is None


def test_silence_is_found_nowhere() -> None:
    silence = Audio(np.zeros(24_000, np.float32), 24_000)
    assert find_clip(mixed(3, []), babble(1.0, 1), 1.0) is None
    assert find_clip(mixed(3, [Laid(babble(3, 9), 0.0)]), silence, 1.0) is None


@pytest.mark.parametrize("original", [0.0, 0.1])
@pytest.mark.parametrize("missing", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("name", ["speech", "a tone"])
def test_an_end_that_is_missing(name: str, missing: float, original: float) -> None:
    clip = CLIPS[name]
    bleed = Laid(babble(6, 9), 0.0, original)
    heard = find_clip(mixed(6, [Laid(without_the_end(clip, missing), 2.53), bleed]), clip, 2.5)
    assert heard is not None
    assert heard.start == pytest.approx(2.53, abs=EXACT)
    assert heard.cut


def test_a_beginning_that_is_missing() -> None:
    clip = CLIPS["speech"]
    samples = clip.samples.copy()
    samples[: round(0.15 * clip.sample_rate)] = 0
    heard = find_clip(mixed(6, [Laid(replace(clip, samples=samples), 2.5)]), clip, 2.5)
    assert heard is not None
    assert heard.cut


def test_a_clip_that_the_file_ends_before() -> None:
    clip = CLIPS["speech"]
    heard = find_clip(mixed(3.8, [Laid(clip, 2.5)]), clip, 2.5)
    assert heard is not None
    assert heard.start == pytest.approx(2.5, abs=EXACT)
    assert heard.cut


def test_a_clip_at_the_very_beginning() -> None:
    clip = CLIPS["speech"]
    heard = find_clip(mixed(3, [Laid(clip, 0.0)]), clip, 0.0)
    assert heard is not None
    assert heard.start == pytest.approx(0.0, abs=EXACT)
    assert not heard.cut


def test_speech_begins_with_its_first_sound() -> None:
    clip = babble(1.0, 4, level=0.01)
    padded = Audio(np.pad(clip.samples, (2_400, 4_800)), clip.sample_rate)
    heard = find_clip(mixed(3, [Laid(padded, 1.0)]), padded, 1.0)
    assert heard is not None
    assert heard.speech.start == pytest.approx(0.1, abs=0.004)
    assert heard.speech.end == pytest.approx(1.1, abs=0.004)


@pytest.mark.parametrize("length", [0, 2_400])
def test_a_clip_without_a_sound_is_nowhere(length: int) -> None:
    assert find_clip(mixed(3, []), Audio(np.zeros(length, np.float32), 24_000), 1.0) is None
