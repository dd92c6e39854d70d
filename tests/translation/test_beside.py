"""Who speaks a translated line."""

from app.subtitles.segments import Segment
from app.subtitles.storage import Turn
from app.translation.beside import beside, voiced, with_own_speakers

TURNS = (Turn(0.0, 2.0, "Anna"), Turn(2.0, 4.0, None), Turn(4.0, 8.0, "Ben"))


def line(start: float, end: float, speaker: str | None = None) -> Segment:
    return Segment(round(start), start, end, "Hello", speaker=speaker)


def test_a_line_is_beside_what_it_overlaps_the_longest() -> None:
    lines = [line(0.0, 1.0), line(1.5, 3.0), line(3.9, 4.5), line(9.0, 10.0)]
    assert list(beside(lines, TURNS)) == [TURNS[0], TURNS[1], TURNS[2], None]


def test_a_speaker_of_its_own_counts_more() -> None:
    lines = [line(0.0, 2.0), line(2.0, 4.0, "Dan"), line(4.0, 8.0, "Cleo")]
    assert [one.speaker for one in voiced(lines, TURNS)] == ["Anna", "Dan", "Cleo"]
    assert voiced(lines, ()) == tuple(lines)


def test_what_the_original_tells_is_not_a_line_s_own() -> None:
    lines = [line(0.0, 2.0), line(2.0, 4.0, "Dan"), line(4.0, 8.0)]
    assert list(with_own_speakers(voiced(lines, TURNS), TURNS)) == lines
