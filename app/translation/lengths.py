"""How long a translation may be expected to be."""

import unicodedata

from app.translation.placeholders import without_placeholders

# How many letters of English go into one of these scripts, by how the names of its letters begin. Languages
# in one script differ by less than matters here.
ENGLISH_LETTERS = {
    "ARABIC": 1.25,
    "CJK": 2.8,
    "HANGUL": 2.0,
    "HEBREW": 1.3,
    "HIRAGANA": 1.4,
    "KATAKANA": 1.4,
}
LEAST_LETTERS = 20.0  # of English: with fewer, anything may be right
MOST_TIMES, LEAST_SHARE = 4.0, 1 / 5


def is_odd_length(source: str, translated: str) -> bool:
    """Whether it is so long, or so short, that it hardly says the same and no more."""
    expected = _letters(source)
    given = _letters(translated)
    odd = not LEAST_SHARE * expected <= given <= MOST_TIMES * expected
    return odd and expected >= LEAST_LETTERS


def _letters(text: str) -> float:
    """As many as the text would have in English, with the vowel signs that some scripts write around one."""
    return sum(_worth(mark) for mark in without_placeholders(text) if unicodedata.category(mark)[0] in "LM")


def _worth(mark: str) -> float:
    return ENGLISH_LETTERS.get(unicodedata.name(mark, "").partition(" ")[0], 1.0)
