"""The rules of readability, and what they find in a track."""

import pytest

from app.core.locales import LOCALES, catalogue
from app.core.settings import Locale
from app.subtitles.readability import ReadingRule, ReadingRules, check, rules_for
from app.subtitles.segments import Segment

ENGLISH = rules_for("en")


def rules_broken(*segments: Segment, rules: ReadingRules = ENGLISH) -> list[tuple[int, ReadingRule]]:
    return [(finding.segment_id, finding.rule) for finding in check(segments, rules)]


@pytest.mark.parametrize(
    ("language", "characters_per_line", "characters_per_second"),
    [
        ("en", 42, 17),
        ("pt-BR", 42, 17),
        ("und", 42, 17),
        ("ko", 16, 12),
        ("zh-Hant", 16, 9),
        ("ja-JP", 16, 9),
    ],
)
def test_the_rules_of_a_language(
    language: str, characters_per_line: int, characters_per_second: float
) -> None:
    rules = rules_for(language)
    assert (rules.characters_per_line, rules.characters_per_second) == (
        characters_per_line,
        characters_per_second,
    )
    assert (rules.lines, round(rules.least_seconds, 6), rules.most_seconds) == (2, 0.833333, 7.0)


def test_the_gap_is_two_frames() -> None:
    assert rules_for("en").least_gap == pytest.approx(2 / 25)
    assert rules_for("en", 60.0).least_gap == pytest.approx(2 / 60)


@pytest.mark.parametrize(
    ("language", "text", "characters"),
    [
        ("en", "Hello", 5),
        ("en", "<i>Hello</i>\nthere", 10),
        ("en", "e\u0301te\u0301", 3),
        ("en", "東京", 4),
        ("ko", "안녕 Kim", 4),
        ("ja", "東京2026", 4),
    ],
)
def test_characters(language: str, text: str, characters: float) -> None:
    assert rules_for(language).characters(text) == characters


@pytest.mark.parametrize(
    ("segment", "rule", "measured", "limit"),
    [
        (Segment(7, 0, 5, "x" * 43), ReadingRule.LINE_TOO_LONG, 43, 42),
        (Segment(7, 0, 5, "one\ntwo\nthree"), ReadingRule.TOO_MANY_LINES, 3, 2),
        (Segment(7, 0, 1, "x" * 18), ReadingRule.TOO_FAST, 18, 17),
        (Segment(7, 0, 0.8, "Yes."), ReadingRule.TOO_SHORT, 0.8, 0.833),
        (Segment(7, 1, 8.1, "Yes."), ReadingRule.TOO_LONG, 7.1, 7),
    ],
)
def test_a_segment_at_odds_with_a_rule(
    segment: Segment, rule: ReadingRule, measured: float, limit: float
) -> None:
    (finding,) = check([segment], ENGLISH)
    assert (finding.segment_id, finding.rule, finding.other_id) == (7, rule, None)
    assert (round(finding.measured, 6), finding.limit) == (measured, limit)


@pytest.mark.parametrize(
    "segment",
    [
        Segment(0, 0, 5, "x" * 42 + "\n" + "x" * 42),
        Segment(0, 0, 1, "<i>" + "x" * 17 + "</i>"),
        Segment(0, 0, 0.833, "Yes."),
        Segment(0, 1, 8, "Yes."),
    ],
)
def test_a_segment_that_just_keeps_the_rules(segment: Segment) -> None:
    assert check([segment], ENGLISH) == ()


@pytest.mark.parametrize(
    ("start", "rule", "measured"),
    [
        (1.9, ReadingRule.OVERLAP, 0.1),
        (2.0, ReadingRule.GAP_TOO_SMALL, 0),
        (2.07, ReadingRule.GAP_TOO_SMALL, 0.07),
    ],
)
def test_two_that_are_too_close(start: float, rule: ReadingRule, measured: float) -> None:
    (finding,) = check([Segment(0, 1, 2, "One"), Segment(5, start, 4, "Two")], ENGLISH)
    assert (finding.segment_id, finding.other_id, finding.rule) == (0, 5, rule)
    assert finding.measured == pytest.approx(measured)


def test_two_frames_are_gap_enough() -> None:
    assert rules_broken(Segment(0, 1, 2, "One"), Segment(1, 2.08, 4, "Two")) == []
    faster = rules_for("en", 50.0)
    assert rules_broken(Segment(0, 1, 2, "One"), Segment(1, 2.04, 4, "Two"), rules=faster) == []


def test_korean_is_narrower_and_slower() -> None:
    line = Segment(0, 0, 1, "가나다라마바사아자차카타파하가나다")
    assert rules_broken(line, rules=rules_for("ko")) == [
        (0, ReadingRule.LINE_TOO_LONG),
        (0, ReadingRule.TOO_FAST),
    ]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("rule", list(ReadingRule))
def test_every_finding_can_be_told(locale: Locale, rule: ReadingRule) -> None:
    told = catalogue(locale).finding(rule, {"measured": 5.0, "limit": 4.0, "other_id": 3})
    assert "5" in told
    assert "{" not in told
