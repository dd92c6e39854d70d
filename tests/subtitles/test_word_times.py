"""Word times that reach into a pause."""

import pytest

from app.media.silence import Silence
from app.subtitles.engines.base import TranscriptSegment, Word
from app.subtitles.word_times import settled, settled_span

PAUSE = Silence(0.0, 1.1)
LATER = Silence(2.0, 2.6)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((0.76, 1.5), (1.1, 1.5)),  # begins in the pause before it
        ((0.76, 1.14), (1.1, 1.14)),  # however little is left of it
        ((1.1, 1.5), (1.1, 1.5)),
        ((1.2, 1.5), (1.2, 1.5)),  # never earlier
        ((1.5, 2.4), (1.5, 2.04)),  # ends in the pause after it
        ((0.5, 2.5), (1.1, 2.04)),
        ((1.95, 3.0), (2.6, 3.0)),  # with the last of the word before the pause
        ((1.5, 2.65), (1.5, 2.04)),  # with the first of the word behind it
        ((1.95, 2.66), (2.6, 2.66)),  # with a little of both: engines begin words early, not late
        ((1.5, 3.0), (1.5, 3.0)),  # a pause in the middle is the speaker's own
        ((0.0, 1.08), (0.98, 1.08)),  # nothing but pause, and then the sound it belongs to
        ((0.1, 0.5), (0.1, 0.5)),  # nothing but pause: there is no better time
    ],
)
def test_a_span_ends_where_the_sound_does(span: tuple[float, float], expected: tuple[float, float]) -> None:
    assert settled_span(*span, [PAUSE, LATER]) == pytest.approx(expected)


def test_a_stop_consonant_is_no_pause_to_skip() -> None:
    assert settled_span(1.95, 3.0, [Silence(2.0, 2.12)]) == (1.95, 3.0)


def test_the_segment_goes_with_its_words() -> None:
    heard = TranscriptSegment(
        0.7, 2.5, "Good morning.", words=(Word(0.76, 1.4, "Good", 0.9), Word(1.4, 2.5, "morning"))
    )
    assert settled(heard, [PAUSE, LATER]) == TranscriptSegment(
        1.1, 2.04, "Good morning.", words=(Word(1.1, 1.4, "Good", 0.9), Word(1.4, 2.04, "morning"))
    )


def test_a_segment_without_words_is_settled_itself() -> None:
    heard = TranscriptSegment(0.0, 2.5, "Good morning.")
    assert settled(heard, [PAUSE, LATER]) == TranscriptSegment(1.1, 2.04, "Good morning.")
