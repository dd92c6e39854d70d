"""Where lines break."""

from random import Random

import pytest

from app.subtitles.cues import without_markup
from app.subtitles.readability import rules_for
from app.subtitles.wrapping import wrap


@pytest.mark.parametrize(
    ("language", "text", "wrapped"),
    [
        pytest.param("en", "A short line.", "A short line.", id="short"),
        pytest.param("en", "Two lines\nthat fit.", "Two lines\nthat fit.", id="as the user has them"),
        pytest.param(
            "en",
            "When all was over in the end, nobody knew what to say.",
            "When all was over in the end,\nnobody knew what to say.",
            id="after punctuation",
        ),
        pytest.param(
            "en",
            "We walked along the old river and we came to a bridge.",
            "We walked along the old river\nand we came to a bridge.",
            id="before a conjunction",
        ),
        pytest.param(
            "en",
            "Then yesterday evening everybody went home early",
            "Then yesterday evening\neverybody went home early",
            id="rather longer below",
        ),
        pytest.param(
            "en",
            "They measured precisely and the answer was 25 km altogether.",
            "They measured precisely\nand the answer was 25 km altogether.",
            id="a number and its unit",
        ),
        pytest.param(
            "en",
            "Somebody undoubtedly saw both Mr. Robinson walking there.",
            "Somebody undoubtedly saw both\nMr. Robinson walking there.",
            id="a title and its name",
        ),
        pytest.param(
            "en",
            "<i>Somebody saw the other people walking</i> along <b>there</b>.",
            "<i>Somebody saw the other\npeople walking</i> along <b>there</b>.",
            id="tags take no room",
        ),
        pytest.param(
            "en",
            "- Hi there.\n- Hello, how are you today my very old friend?",
            "- Hi there.\n- Hello, how are you\ntoday my very old friend?",
            id="speakers stay apart",
        ),
        pytest.param(
            "fr",
            "Est-ce que vous avez vraiment vu ce grand film hier ? Oui !",
            "Est-ce que vous avez vraiment\nvu ce grand film hier ? Oui !",
            id="French punctuation",
        ),
        pytest.param(
            "ko",
            "저는 어제 서울에 있는 도서관에 갔습니다. 책을 읽었어요.",
            "저는 어제 서울에 있는 도서관에\n갔습니다. 책을 읽었어요.",
            id="Korean between words",
        ),
        pytest.param(
            "zh",
            "我昨天和朋友一起去了一家图书馆，看了关于历史的书。",
            "我昨天和朋友一起去了一家图书馆，\n看了关于历史的书。",
            id="Chinese after punctuation",
        ),
        pytest.param(
            "ja",
            "私は昨日友達と東京にある大きな「図書館」へ行きました",
            "私は昨日友達と東京にある\n大きな「図書館」へ行きました",
            id="Japanese not within brackets",
        ),
    ],
)
def test_lines(language: str, text: str, wrapped: str) -> None:
    assert wrap(text, rules_for(language)) == wrapped


@pytest.mark.parametrize("seed", range(25))
def test_only_blanks_are_touched_and_all_that_can_fits(seed: int) -> None:
    random = Random(seed)
    words = [
        "the",
        "of",
        "and",
        "I",
        "5",
        "km",
        "house,",
        "street.",
        "1",
        "000",
        "<i>well</i>",
        "country!",
        "♪",
        "-",
        "“quoted”",
        "de",
        "Mr.",
        "people",
    ]
    text = " ".join(random.choices(words, k=random.randint(1, 60)))
    rules = rules_for("en")

    wrapped = wrap(text, rules)

    assert wrapped.split() == text.split()
    assert max(len(without_markup(line)) for line in wrapped.split("\n")) <= 42
    assert wrap(wrapped, rules) == wrapped


@pytest.mark.parametrize("seed", range(25))
def test_closing_marks_do_not_begin_a_line_nor_opening_ones_end_it(seed: int) -> None:
    random = Random(seed)
    text = "".join(
        random.choices(["今日", "は", "「本」", "を、", "読む。", "コーヒー", "2026年", "ッ"], k=20)
    )
    lines = wrap(text, rules_for("ja")).split("\n")
    assert "".join(lines) == text
    assert not [line for line in lines[1:] if line[0] in "」、。ーッ年"]
    assert not [line for line in lines if line[-1] in "「2026"]


def test_a_word_that_does_not_fit_is_not_cut() -> None:
    assert wrap("x" * 60, rules_for("en")) == "x" * 60
