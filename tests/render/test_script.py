"""When the lines of a dub are shown."""

from app.render.script import shown_cues
from app.subtitles.cues import Cue
from app.subtitles.segments import Segment
from app.tts.models import SpeechSegment


def spoken(number: int, text: str, start: float, duration: float, clip: str | None = "clip") -> SpeechSegment:
    return SpeechSegment(
        id=number, text=text, translated_text="long", placed_start=start, duration=duration, clip=clip
    )


def test_a_line_is_shown_as_spoken_until_it_was_edited() -> None:
    segments = [Segment(1, 0.0, 1.0, "long"), Segment(2, 2.0, 3.0, "edited"), Segment(3, 4.0, 5.0, "new")]
    voices = [spoken(1, "short", 0.0, 1.0), spoken(2, "short", 2.0, 1.0)]
    assert [cue.text for cue in shown_cues(segments, voices, 9.0)] == ["short", "edited", "new"]


def test_a_line_stays_while_it_is_spoken_but_not_into_the_next() -> None:
    segments = [Segment(number, 2.0 * number, 2.0 * number + 1.0, "long") for number in range(3)]
    voices = [spoken(0, "a", 0.2, 1.3), spoken(1, "b", 2.0, 2.5), spoken(2, "c", 4.5, 9.0)]
    shown = shown_cues(segments, voices, 6.0)
    assert shown == (Cue(0.0, 1.5, "a"), Cue(2.0, 4.0, "b"), Cue(4.0, 6.0, "c"))


def test_a_failed_line_is_shown_for_its_own_time() -> None:
    shown = shown_cues([Segment(1, 1.0, 2.0, "long")], [spoken(1, "long", 1.0, 3.0, clip=None)], 9.0)
    assert shown == (Cue(1.0, 2.0, "long"),)


def test_nothing_is_shown_after_the_end_and_lines_that_overlap_stay_so() -> None:
    segments = [Segment(1, 0.0, 3.0, "a"), Segment(2, 2.0, 9.0, "b"), Segment(3, 5.0, 6.0, "c")]
    assert shown_cues(segments, [], 4.0) == (Cue(0.0, 3.0, "a"), Cue(2.0, 4.0, "b"))
