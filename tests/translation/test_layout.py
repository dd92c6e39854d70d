"""A translation laid over the places of its source."""

import pytest

from app.translation.layout import in_rows, lay_out


@pytest.mark.parametrize(
    ("text", "weights", "parts"),
    [
        ("uno dos tres cuatro", (1, 1), ("uno dos", "tres cuatro")),
        ("uno dos tres cuatro", (1, 8), ("uno", "dos tres cuatro")),
        (
            "Si llueve en las montañas, nos quedamos en casa.",
            (1, 1),
            ("Si llueve en las montañas,", "nos quedamos en casa."),
        ),
        (
            "매일 아침 우리는 창문을 열고, 신문을 읽습니다.",
            (1, 1),
            ("매일 아침 우리는 창문을 열고,", "신문을 읽습니다."),
        ),
        ("uno dos tres", (50, 1, 1), ("uno", "dos", "tres")),
        ("山で雨が降る日は、家で本を読みます。", (1, 1), ("山で雨が降る日は、", "家で本を読みます。")),
    ],
)
def test_breaks_near_the_due_place_and_best_after_a_clause(
    text: str, weights: tuple[float, ...], parts: tuple[str, ...]
) -> None:
    assert lay_out(text, weights) == parts


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("彼はNew Yorkの本を読む", "New York"),
        ("彼は1,000,000円を払う", "1,000,000"),
        ("elle a payé 10 000 000 euros", "10 000 000"),
        ("彼は<i>とても</i>{first name}が好き", "{first name}"),
        ("これはデータセンターです", "データセンター"),
        ("今日はちょっと寒い", "ちょ"),
        ("C'est « vrai » ! Oui ?", "» !"),
        ("ไปเที่ยวที่นั่น", "เที่"),
        ("一二三「四五六」七八九", "「四"),
    ],
)
def test_some_things_are_never_broken(text: str, whole: str) -> None:
    """Wherever the break is due."""
    for share in range(1, 40):
        parts = lay_out(text, (share, 40 - share))
        assert parts is not None
        assert any(whole in part for part in parts)
        assert "".join(parts).replace(" ", "") == text.replace(" ", "")
        assert all(any(mark.isalnum() for mark in part) for part in parts)


@pytest.mark.parametrize("text", ["Sí.", "¡ Sí !", "", "1 000", "…"])
def test_too_few_words_are_not_laid_out(text: str) -> None:
    assert lay_out(text, (1, 1)) is None


def test_rows() -> None:
    assert in_rows("uno dos", "one\ntwo") == "uno\ndos"
    assert in_rows("uno dos", "one two") == "uno dos"
    assert in_rows("uno", "one\ntwo") == "uno"
