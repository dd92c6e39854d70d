"""A glossary's terms are found however grammar bends them."""

import pytest

from app.translation.terms import missing_terms, occurs, relevant


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("Machine Learning", "we like machine-learning models"),
        ("inteligencia artificial", "Las inteligencias artificiales."),
        ("inteligencia artificial", "la inteligencia, dicen, artificial"),
        ("gato", "dos gatos"),
        ("Computer", "die Computern"),
        ("машина", "с машиной"),
        ("cafe\u0301", "un café"),
        ("인공지능", "인공지능은 좋다"),
        ("인공지능", "이것은 인공지능이라고 합니다"),
        ("기계 학습", "기계학습을 배운다"),
        ("배", "배를 탔다"),
        ("AI", "AI가 온다"),
        ("AI", "AIは"),
        ("人工知能", "人工知能が来る"),
        ("ロボ", "このロボは"),
        ("機械学習", "彼は機械学習を学ぶ"),
        ("C++", "I use C++ daily"),
        ("42", "the 42 of them"),
    ],
)
def test_found(term: str, text: str) -> None:
    assert occurs(term, text)


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("Machine Learning", "learning the machine"),
        ("machine learning", "a machine of the sort that is always learning"),
        ("apple", "the application"),
        ("gato", "un gatillo"),
        ("café", "a cafe"),
        ("배", "배우가 왔다"),
        ("인공지능", "초인공지능"),
        ("AI", "AIDSは"),
        ("AI", "rain"),
        ("ロボ", "ロボット"),
        ("42", "421"),
        ("monte", ""),
    ],
)
def test_not_found(term: str, text: str) -> None:
    assert not occurs(term, text)


TERMS = (("learning", "estudio"), ("machine learning", "aprendizaje automático"), ("train", "TREN"))


def test_a_term_whose_wording_lacks_is_missing() -> None:
    assert missing_terms("The trains.", "Los trenes.", TERMS) == ()
    assert missing_terms("The trains.", "Los vagones.", TERMS) == (("train", "TREN"),)
    assert missing_terms("The ship.", "El barco.", TERMS) == ()


def test_a_term_inside_a_longer_one_is_not_asked_for() -> None:
    assert missing_terms("Machine learning.", "Aprendizajes automáticos.", TERMS) == ()
    assert missing_terms("Learning.", "Aprendizaje.", TERMS) == (("learning", "estudio"),)


def test_relevant_terms() -> None:
    assert relevant(TERMS, "A train.", "No learning.") == (TERMS[0], TERMS[2])
