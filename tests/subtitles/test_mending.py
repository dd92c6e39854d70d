"""Mending a track until it is readable: the same words, in order, never two lines at once."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from app.subtitles.cues import without_markup
from app.subtitles.engines.base import Word
from app.subtitles.mending import mend
from app.subtitles.readability import ReadingRule, ReadingRules, check, rules_for
from app.subtitles.segments import Segment

ENGLISH = rules_for("en")
KOREAN = rules_for("ko")
WORDS = {
    "en": [
        "the",
        "of",
        "and",
        "I",
        "5",
        "km",
        "house,",
        "street.",
        "running",
        "country!",
        "people",
        "Americans",
        "<i>well</i>",
        "1,000",
    ],
    "ko": [
        "저는",
        "어제",
        "친구와",
        "함께",
        "서울에",
        "있는",
        "도서관에",
        "갔습니다.",
        "그리고",
        "책을",
        "읽었어요,",
        "3",
        "명",
    ],
    "zh": ["我昨天", "和朋友一起，", "去了北京。", "图书馆", "看了", "2026年", "Python", "的书"],
}
LONG = (
    "And so my fellow Americans, ask not what your country can do for you. "
    "Ask what you can do for your country, and be sure to do it well."
)


def segment(start: float, end: float, text: str, id: int = 0, **rest: object) -> Segment:  # noqa: A002
    return replace(Segment(id, start, end, text), **rest)  # type: ignore[arg-type]


def spoken(start: float, end: float, text: str, id: int = 0) -> Segment:  # noqa: A002
    """With words of equal length that fill its time."""
    texts = without_markup(text).split()
    step = (end - start) / len(texts)
    words = [Word(start + step * at, start + step * (at + 1), word) for at, word in enumerate(texts)]
    return segment(start, end, text, id, words=tuple(words))


def words_of(segments: Sequence[Segment]) -> str:
    """Without blanks, since a line break stands for one."""
    return re.sub(r"\s", "", "".join(without_markup(one.text) for one in segments))


def broken(segments: Sequence[Segment], rules: ReadingRules) -> list[ReadingRule]:
    return [finding.rule for finding in check(segments, rules)]


def drawn_track(random: Random, language: str) -> tuple[list[Segment], float]:
    """Lines of 1 to 30 words with pauses, some overlapping, some too close, some with words or speakers."""
    track: list[Segment] = []
    clock = 0.0
    for number in range(random.randint(1, 25)):
        text = ("" if language == "zh" else " ").join(
            random.choices(WORDS[language], k=random.choice([1, 2, 5, 10, 30]))
        )
        clock = max(0.0, clock + random.choice([-0.6, 0.0, 0.0, 0.04, 0.2, 1.0, 4.0]))
        length = random.choice([0.05, 0.3, 0.8, 2.0, 5.0, 9.0, 16.0])
        make = spoken if random.random() < 0.4 else segment
        line = make(round(clock, 3), round(clock + length, 3), text, number)
        speaker = random.choice([None, None, "A", "B"])
        if random.random() < 0.2:
            line = replace(line, text=f"- {line.text}\n- {random.choice(WORDS[language])}", words=())
        track.append(replace(line, speaker=speaker, original_text=random.choice([None, LONG])))
        clock += length
    return track, max(0.0, clock + random.choice([-0.4, 0.0, 3.0]))


@pytest.mark.parametrize("language", list(WORDS))
@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_track(language: str, seed: int) -> None:
    random = Random(seed)
    track, duration = drawn_track(random, language)
    rules = rules_for(language, random.choice([None, 24.0, 60.0]))

    mended = mend(track, rules, duration=duration)

    assert mend(mended, rules, duration=duration) == mended
    assert words_of(mended) == words_of(sorted(track, key=lambda one: (one.start, one.end)))
    assert len({one.id for one in mended}) == len(mended)
    inside = [one for one in mended if one.start < duration - 0.001]
    assert all(one.start < one.end <= duration for one in inside)
    assert all(one.end <= other.start for one, other in pairwise(inside))
    assert all(one.text.count("<i>") == one.text.count("</i>") for one in mended)
    before, after = broken(track, rules), broken(mended, rules)
    for rule in (ReadingRule.LINE_TOO_LONG, ReadingRule.OVERLAP):
        assert after.count(rule) <= before.count(rule)
    for one in mended:
        if one.words:
            assert words_of([one]) == "".join(word.text for word in one.words)


def mended(
    *track: Segment, rules: ReadingRules = ENGLISH, duration: float = 100
) -> list[tuple[float, float, str]]:
    return [(one.start, one.end, one.text) for one in mend(track, rules, duration=duration)]


def test_what_is_readable_stays_as_it_is() -> None:
    track = (
        spoken(1, 3, "A line that is fine.", 4),
        segment(3.5, 5, "Another\nline.", 9, shorter=("Line.",)),
    )
    assert mend(track, ENGLISH, duration=100) == track


def test_long_lines_are_wrapped() -> None:
    line = segment(0, 6, "When all was over in the end, nobody knew what to say.", 3, shorter=("Silence.",))
    (done,) = mend([line], ENGLISH, duration=100)
    assert done == replace(line, text="When all was over in the end,\nnobody knew what to say.")


def test_too_much_text_is_split_at_the_sentence_by_its_share() -> None:
    whole = segment(0, 8, LONG, 5, shorter=("Ask.",), original_text="하나 둘 셋. 넷 다섯 여섯.", speaker="A")
    first, second = mend([whole, segment(20, 22, "End.", 8)], ENGLISH, duration=100)[:2]
    assert " ".join(first.text.split()).endswith("for you.")
    assert " ".join(second.text.split()).startswith("Ask what")
    assert (first.id, second.id) == (5, 9)
    assert second.start == pytest.approx(8 * 70 / len(LONG), abs=0.2)
    assert first.end == pytest.approx(second.start - 0.08)
    assert (first.shorter, second.shorter) == ((), ())
    assert (first.original_text, second.original_text) == ("하나 둘 셋.", "넷 다섯 여섯.")
    assert (first.speaker, second.speaker) == ("A", "A")


def test_a_split_is_at_the_times_of_the_words() -> None:
    words = [Word(0.5 * at, 0.5 * at + 0.4, text) for at, text in enumerate(LONG.split())]
    words = [
        replace(word, start=word.start + 1, end=word.end + 1) if at > 14 else word
        for at, word in enumerate(words)
    ]
    line = segment(0, words[-1].end, LONG, words=tuple(words))
    parts = mend([line], ENGLISH, duration=100)
    assert all(part.start == part.words[0].start for part in parts)
    assert all(part.end >= part.words[-1].end for part in parts)
    assert [word for part in parts for word in part.words] == words
    assert words[15].start in [part.start for part in parts]


def test_tags_are_closed_and_opened_again_at_a_split() -> None:
    first, second, *_ = mend([segment(0, 12, f"<i>{LONG}</i>")], ENGLISH, duration=100)
    assert first.text.startswith("<i>") and first.text.endswith("</i>")
    assert second.text.startswith("<i>") and second.text.endswith("</i>")


def test_a_line_is_shown_on_into_the_silence_but_not_into_the_gap() -> None:
    assert mended(segment(0, 0.5, "Yes."), segment(10, 12, "No.")) == [(0, 0.833, "Yes."), (10, 12, "No.")]
    text = "Thirty-four characters of reading."
    assert mended(segment(0, 1, text), segment(1.6, 4, "Next."))[0] == (0, 1.52, text)
    assert mended(segment(0, 1, text), duration=1.7)[0] == (0, 1.7, text)


def test_the_end_gives_way_to_the_gap() -> None:
    assert mended(segment(0, 2, "One."), segment(2, 4, "Two.")) == [(0, 1.92, "One."), (2, 4, "Two.")]


def test_too_short_neighbours_are_joined() -> None:
    first = segment(0, 0.4, "Well,", 2, confidence=0.5, original_text="음,", words=(Word(0, 0.4, "Well,"),))
    second = segment(0.5, 2, "yes.", 3, confidence=0.9, original_text="네.", words=(Word(0.5, 1, "yes."),))
    (joined,) = mend([first, second], ENGLISH, duration=100)
    assert (joined.id, joined.start, joined.end, joined.text) == (2, 0, 2, "Well, yes.")
    assert joined.confidence == pytest.approx(0.7)
    assert joined.original_text == "음, 네."
    assert [word.text for word in joined.words] == ["Well,", "yes."]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(segment(0.5, 2, "yes.", 1, speaker="B"), id="another speaker"),
        pytest.param(segment(0.5, 2, "- Yes.", 1), id="a dash"),
        pytest.param(segment(0.5, 8.5, "yes " * 20, 1), id="too long together"),
    ],
)
def test_what_does_not_go_together_is_not_joined(other: Segment) -> None:
    assert len(mend([segment(0, 0.4, "Well,"), other], ENGLISH, duration=100)) >= 2


def test_two_speakers_keep_their_lines() -> None:
    assert mended(segment(0, 0.4, "- Who?"), segment(0.5, 2, "- Me.", 1)) == [(0, 2, "- Who?\n- Me.")]


def test_nothing_is_shown_after_the_end_of_the_video() -> None:
    assert mended(segment(8, 12, "Bye."), segment(15, 16, "Late.", 1), duration=10) == [
        (8, 10, "Bye."),
        (15, 16, "Late."),
    ]


def test_a_few_words_that_stay_for_long_are_not_torn_apart() -> None:
    assert mended(segment(0, 20, "Thank you.")) == [(0, 7, "Thank you.")]


def test_korean_is_split_by_its_own_rules() -> None:
    text = "저는 어제 친구와 함께 서울에 있는 큰 도서관에 갔습니다. 그리고 책을 읽었어요. 재미있었어요."
    track = mend([segment(0, 9, text)], KOREAN, duration=100)
    assert len(track) > 1
    assert not {ReadingRule.LINE_TOO_LONG, ReadingRule.TOO_MANY_LINES} & set(broken(track, KOREAN))
