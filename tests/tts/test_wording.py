"""Which wording is taken, before and after a line has been spoken."""

import pytest

from app.tts.wording import (
    LengthEstimate,
    Pace,
    best_wording,
    fits_better,
    most_characters,
    said,
    shorter_wording,
)

WORDINGS = ("one two three four", "one two three", "one")


def seconds(text: str) -> float:
    return len(text) / 10


def test_the_longest_that_fits_is_taken() -> None:
    assert best_wording(WORDINGS, seconds, room=1.8) == WORDINGS[0]
    assert best_wording(WORDINGS, seconds, room=1.5) == WORDINGS[1]
    assert best_wording(WORDINGS, seconds, room=0.1) == WORDINGS[2]


def test_what_is_said_is_what_is_measured() -> None:
    assert said("<i>One\ntwo</i>  three") == "One two three"
    estimate = LengthEstimate("en")
    assert estimate.seconds("<i>One</i>", "nova") == estimate.seconds("One", "nova")


@pytest.mark.parametrize(("language", "characters"), [("en", 15), ("ko", 7), ("zh-Hant", 4.8), ("de-AT", 15)])
def test_a_voice_nobody_has_heard_speaks_as_is_usual(language: str, characters: float) -> None:
    assert LengthEstimate(language).seconds("x" * 30, "nova") == pytest.approx(30 / characters)
    assert not LengthEstimate(language).knows("nova")


def test_a_voice_is_known_by_what_it_said() -> None:
    heard = LengthEstimate("en").having_heard([("slow", Pace(4000, 400.0)), ("slow", Pace(4000, 400.0))])
    assert heard.knows("slow")
    assert heard.seconds("x" * 30, "slow") == pytest.approx(3.0, rel=0.01)
    assert heard.seconds("x" * 30, "slow", speaking_rate=2.0) == pytest.approx(1.5, rel=0.01)
    assert heard.seconds("x" * 30, "another") == pytest.approx(2.0)


def test_a_few_words_change_an_estimate_a_little() -> None:
    heard = LengthEstimate("en").having_heard([("slow", Pace(10, 10.0))])
    assert 2.0 < heard.seconds("x" * 30, "slow") < 10.0
    assert not heard.knows("slow")


def test_after_measuring_the_longest_that_should_fit() -> None:
    assert shorter_wording(WORDINGS[1:], WORDINGS[0], length=3.6, room=2.6) == WORDINGS[1]
    assert shorter_wording(WORDINGS[1:], WORDINGS[0], length=3.6, room=0.7) == WORDINGS[2]
    assert shorter_wording(WORDINGS[1:], WORDINGS[0], length=3.6, room=0.5) is None
    assert shorter_wording((), WORDINGS[0], length=3.6, room=9.0) is None


def test_how_many_characters_fit_by_measure() -> None:
    assert most_characters("x" * 40, length=4.0, room=2.05) == 20
    assert most_characters("x" * 40, length=4.0, room=0.0) == 1


def test_as_much_as_fits_and_else_as_little_as_can_be() -> None:
    assert fits_better(1.9, than=1.5, room=2.0)
    assert not fits_better(1.5, than=1.9, room=2.0)
    assert fits_better(1.5, than=2.5, room=2.0)
    assert not fits_better(2.5, than=1.5, room=2.0)
    assert fits_better(2.2, than=2.5, room=2.0)
