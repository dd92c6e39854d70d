"""Wordings are chosen by the script alone, whether or not all of it is there yet."""

from dataclasses import replace

import pytest

from app.tts.choosing import FIRST_LINES, WordingChoice
from app.tts.script import Line
from app.tts.storage import Delivery
from app.tts.timeline import Slot, TimingLimits
from app.tts.wording import LengthEstimate, Pace

LONG, SHORT = "one two three four six", "one two"
LINES = 2 * FIRST_LINES


def line(number: int, *wordings: str, voice: str = "nova", settled: str | None = None) -> Line:
    return Line(
        slot=Slot(number, float(number), number + 1.0),
        wordings=wordings or (LONG, SHORT),
        source_text=None,
        delivery=Delivery(voice, speaking_rate=1.0, pitch=0.0, volume_gain_db=0.0),
        settled=settled,
    )


@pytest.fixture
def choice() -> WordingChoice:
    slots = [Slot(number, float(number), number + 1.0) for number in range(LINES)]
    return WordingChoice(slots, float(LINES), TimingLimits(), LengthEstimate("en"))


def test_the_first_lines_with_a_choice_show_the_pace(choice: WordingChoice) -> None:
    lines = [line(0, "alone"), line(1, settled=SHORT), *(line(number) for number in range(2, LINES))]
    first = choice.first_lines(lines)
    assert [each.id for each in first["nova"]] == list(range(2, 2 + FIRST_LINES))


def test_each_voice_has_its_own(choice: WordingChoice) -> None:
    lines = [line(number, voice="nova" if number % 2 else "onyx") for number in range(LINES)]
    first = choice.first_lines(lines)
    assert {voice: len(spoken) for voice, spoken in first.items()} == {"nova": 4, "onyx": 4}


def test_a_known_voice_needs_none(choice: WordingChoice) -> None:
    known = replace(choice, estimate=choice.estimate.having_heard([("nova", Pace(4000, 200.0))]))
    assert not known.is_open(line(0), 0)
    assert known.first_lines([line(number) for number in range(LINES)]) == {}


def test_the_pace_that_was_heard_decides(choice: WordingChoice) -> None:
    assert choice.wording(line(5), 5) == SHORT
    fast = choice.having_heard([("nova", Pace(120, 2.0))])
    assert fast.wording(line(5), 5) == LONG
    assert fast.wording(line(5, voice="onyx"), 5) == SHORT


def test_a_line_that_fits_at_any_pace_waits_for_nobody(choice: WordingChoice) -> None:
    assert choice.is_open(line(0), 0)
    assert not choice.is_open(line(0, "one two", "one"), 0)
    assert not choice.is_open(line(LINES - 1, f"{LONG} {LONG}", LONG), LINES - 1)


def test_a_settled_wording_stays(choice: WordingChoice) -> None:
    assert choice.wording(line(5, settled=LONG), 5) == LONG


def test_the_neighbour_s_slot_counts_though_its_line_is_not_there(choice: WordingChoice) -> None:
    roomy = replace(choice, slots=[slot for slot in choice.slots if slot.id != 6])
    assert roomy.wording(line(5), 5) == LONG
    assert choice.wording(line(5), 5) == SHORT
