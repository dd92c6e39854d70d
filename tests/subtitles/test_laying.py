"""A text without times is laid onto the sound: sentences between pauses, no word in one."""

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from app.media.silence import Clip, Levels, Silence
from app.subtitles.engines.base import Transcript, TranscriptSegment, Word
from app.subtitles.hearing import understand
from app.subtitles.laying import laid
from app.subtitles.segmenter import build_segments

TWO_SENTENCES = "The train leaves at noon. Nobody saw the grey cat."


def heard(text: str, end: float = 10.0) -> TranscriptSegment:
    return TranscriptSegment(0.0, end, text, untimed=True)


def start_of(word: str, segment: TranscriptSegment) -> float:
    return next(one.start for one in segment.words if one.text == word)


def test_a_sentence_begins_after_a_pause_though_its_letters_tell_otherwise() -> None:
    segment = laid(heard(TWO_SENTENCES), [Silence(5.3, 6.3)])
    assert start_of("Nobody", segment) == 6.3
    assert segment.words[4].end == 5.3


def test_a_long_pause_is_rather_a_sentence_s_end_than_a_short_one() -> None:
    segment = laid(heard(TWO_SENTENCES), [Silence(4.4, 4.5), Silence(5.5, 6.3)])
    assert start_of("Nobody", segment) == 6.3


def test_a_pause_that_is_far_off_is_no_sentence_s_end() -> None:
    segment = laid(heard(TWO_SENTENCES), [Silence(1.0, 1.5)])
    assert start_of("Nobody", segment) > 4.0


def test_clauses_end_in_pauses_too() -> None:
    segment = laid(heard("Well now, my friend, this is the very end."), [Silence(2.5, 3.0)])
    assert start_of("my", segment) == 3.0


def test_without_pauses_words_have_their_share_by_their_letters() -> None:
    segment = laid(heard("one three"), [])
    assert [(word.start, word.end) for word in segment.words] == [(0.0, 3.75), (3.75, 10.0)]


def test_silence_around_the_speech_has_no_words() -> None:
    segment = laid(heard(TWO_SENTENCES), [Silence(0.0, 2.0), Silence(8.0, 12.0)])
    assert (segment.start, segment.end) == (2.0, 8.0)


@pytest.mark.parametrize(
    "segment",
    [
        pytest.param(replace(heard("Hello there."), untimed=False), id="has times"),
        pytest.param(heard("Hello there.", end=0.5), id="all is silent"),
        pytest.param(heard(""), id="nothing is said"),
    ],
)
def test_what_is_left_as_it_is(segment: TranscriptSegment) -> None:
    assert laid(segment, [Silence(0.0, 1.0)]) == segment


@pytest.mark.parametrize(
    "text", [TWO_SENTENCES * 8, "기차가 정오에 출발합니다. " * 9, "列车在中午出发。没有人看见。" * 5]
)
def test_words_keep_their_order_and_begin_and_end_with_sound(text: str) -> None:
    chance = random.Random(text)
    for _ in range(20):
        edges = sorted(chance.uniform(0, 30) for _ in range(2 * chance.randrange(12)))
        pauses = [Silence(*pair) for pair in zip(edges[::2], edges[1::2], strict=True)]
        segment = laid(heard(text, end=30.0), pauses)
        assert "".join(word.text for word in segment.words) == "".join(text.split())
        assert all(word.start <= word.end for word in segment.words)
        assert all(before.end <= after.start + 1e-6 for before, after in pairwise(segment.words))
        for pause in pauses:
            assert not any(pause.start <= word.start < pause.end - 1e-6 for word in segment.words)
            assert not any(pause.start + 1e-6 < word.end <= pause.end for word in segment.words)


def test_lines_are_sentences_with_times_that_are_told_to_be_estimated() -> None:
    talk = np.random.default_rng(1).uniform(-40, -15, 500).astype(np.float32)
    talk[250:300] = -80.0
    transcript = Transcript("en", (heard(TWO_SENTENCES),))
    hearing = understand([Clip(0.0, 10.0)], [transcript], Levels(talk, -55.0), 10.0)
    assert hearing.has_estimated_times
    lines = build_segments(hearing.segments, max_length=30.0, min_silence=0.5, duration=10.0)
    assert [(line.text, line.start) for line in lines] == [
        ("The train leaves at noon.", 0.0),
        ("Nobody saw the grey cat.", 6.0),
    ]
    assert not any(line.words for line in lines)


def test_times_that_were_told_are_not_estimated() -> None:
    talk = np.random.default_rng(1).uniform(-40, -15, 500).astype(np.float32)
    timed = TranscriptSegment(1.0, 2.0, "Hello.", words=(Word(1.0, 2.0, "Hello."),))
    hearing = understand([Clip(0.0, 10.0)], [Transcript("en", (timed,))], Levels(talk, -55.0), 10.0)
    assert not hearing.has_estimated_times
