"""Which segments belong to one sentence, and how its translation goes back to them."""

from dataclasses import replace

import pytest

from app.subtitles.segments import Segment
from app.translation.assembly import Answers, assemble, torn
from app.translation.engines.base import Line, TranslationStyle
from app.translation.sentences import Sentence, lay_back, sentences


def track(*texts: str, seconds: float = 2.0, gap: float = 0.0) -> tuple[Segment, ...]:
    step = seconds + gap
    return tuple(
        Segment(number, number * step, number * step + seconds, text) for number, text in enumerate(texts)
    )


def grouped(segments: tuple[Segment, ...], *, preserve_format: bool = True) -> list[list[int]]:
    found = sentences(segments, preserve_format=preserve_format)
    return [[segment.id for segment in sentence.segments] for sentence in found]


@pytest.mark.parametrize(
    ("texts", "groups"),
    [
        (("When it rains,", "we stay in.", "We read."), [[0, 1], [2]]),
        (("He said:", "no.", "Why?"), [[0, 1], [2]]),
        (("I met", "Mary there."), [[0], [1]]),
        (("There are", "3 cats."), [[0, 1]]),
        (("So I thought...", "that he left.", "Well…", "No."), [[0, 1], [2], [3]]),
        (('"Yes."', "and so on."), [[0], [1]]),
        (("비가 오는 날에는", "집에 있습니다.", "책을 읽습니다."), [[0, 1], [2]]),
        (("雨の日は", "家にいます。"), [[0, 1]]),
        (("one,", "two,", "three,", "four,", "five."), [[0, 1, 2, 3], [4]]),
        (("x" * 200 + ",", "y" * 200 + "."), [[0], [1]]),
        (("and now", "[music]", "goes on."), [[0], [1], [2]]),
        (("and now", "♪ la la ♪", "goes on."), [[0], [1], [2]]),
        (("and now", "- yes\n- no", "goes on."), [[0], [1], [2]]),
        (("and now", "...", "goes on."), [[0], [1], [2]]),
    ],
)
def test_what_belongs_together(texts: tuple[str, ...], groups: list[list[int]]) -> None:
    assert grouped(track(*texts)) == groups


def test_a_pause_or_another_speaker_ends_a_sentence() -> None:
    close, far = track("and now", "it goes on.", gap=1.9), track("and now", "it goes on.", gap=2.0)
    assert grouped(close) == [[0, 1]]
    assert grouped(far) == [[0], [1]]
    assert grouped((close[0], replace(close[1], speaker="B"))) == [[0], [1]]


def test_a_track_without_full_stops_is_not_grouped() -> None:
    assert grouped(track(*["and on it goes"] * 8)) == [[number] for number in range(8)]


def test_markup_stands_alone_only_where_it_is_to_be_kept() -> None:
    italics = track("<i>and now</i>", "it goes on.")
    assert grouped(italics) == [[0], [1]]
    assert grouped(italics, preserve_format=False) == [[0, 1]]


def test_a_sentence_as_a_line() -> None:
    (sentence,) = sentences(track("When it\nrains,", "we stay in.", gap=0.5), preserve_format=True)
    assert sentence.as_line() == Line(0, "When it rains, we stay in.", seconds=4.5)
    (japanese,) = sentences(track("雨の日は", "家にいます。"), preserve_format=True)
    assert japanese.text == "雨の日は家にいます。"
    assert Sentence(track("One\ntwo.")).text == "One\ntwo."


def test_one_wording_is_laid_back_since_parts_of_two_do_not_fit_together() -> None:
    sentence = Sentence(track("When it rains in the", "hills we stay at home."))
    line = Line(
        0, "Cuando llueve en los montes, nos quedamos en casa.", ("Si llueve, nos quedamos en casa.", "Sí.")
    )
    assert lay_back(sentence, line, preserve_format=True) == (
        Line(0, "Cuando llueve en los montes,"),
        Line(1, "nos quedamos en casa."),
    )


def test_each_segment_keeps_its_rows() -> None:
    sentence = Sentence(track("When it\nrains,", "we stay in."))
    line = Line(0, "Cuando llueve, nos quedamos.")
    kept = lay_back(sentence, line, preserve_format=True)
    plain = lay_back(sentence, line, preserve_format=False)
    assert kept == (Line(0, "Cuando\nllueve,"), Line(1, "nos quedamos."))
    assert plain == (Line(0, "Cuando llueve,"), Line(1, "nos quedamos."))


STYLE = TranslationStyle(terminology=(("hill", "monte"), ("home", "hogar")))
PARTS = sentences(
    track("It rains.", "When it rains in the", "hills we stay home.", "Yes."), preserve_format=True
)


def answers(text: str, *, untranslated: frozenset[int] = frozenset()) -> Answers:
    lines = {0: Line(0, "Llueve."), 1: Line(1, text), 3: Line(3, "Sí.")}
    return Answers(lines, untranslated, doubtful=frozenset({1}))


def test_no_segment_is_lost_or_moved() -> None:
    found = assemble(PARTS, answers("Si llueve en los montes estamos en el hogar."), STYLE)
    assert [segment.id for segment in found.segments] == [0, 1, 2, 3]
    assert [segment.original_text for segment in found.segments] == [
        "It rains.",
        "When it rains in the",
        "hills we stay home.",
        "Yes.",
    ]
    assert (
        " ".join(segment.text for segment in found.segments[1:3])
        == "Si llueve en los montes estamos en el hogar."
    )
    assert (found.untranslated, found.doubtful, found.missed_terms) == ([], [1, 2], [])


def test_a_lost_sentence_leaves_exactly_its_segments() -> None:
    found = assemble(PARTS, answers("whatever", untranslated=frozenset({1})), STYLE)
    assert found.untranslated == [1, 2]
    assert [segment.text for segment in found.segments] == [
        "Llueve.",
        "When it rains in the",
        "hills we stay home.",
        "Sí.",
    ]


def test_a_missed_term_is_told_of_the_segment_that_has_it() -> None:
    found = assemble(PARTS, answers("Si llueve en la sierra estamos en el hogar."), STYLE)
    assert found.missed_terms == [2]


def test_a_translation_of_too_few_words_is_torn() -> None:
    assert torn(PARTS, answers("Claro."), STYLE) == (PARTS[1],)
    assert torn(PARTS, answers("Claro que sí."), STYLE) == ()
    again = Answers({1: Line(1, "a"), 2: Line(2, "b")}, frozenset({2}), frozenset())
    merged = answers("Claro.").instead((PARTS[1],), again)
    assert (merged.lines[1].text, merged.lines[2].text) == ("a", "b")
    assert (merged.untranslated, merged.doubtful) == (frozenset({2}), frozenset())
