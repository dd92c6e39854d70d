"""The terms of a glossary in texts, however they are inflected."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

Terminology = Sequence[tuple[str, str]]

_HANGUL = "\uac00-\ud7a3"
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_WORD = re.compile(rf"[{_HANGUL}]+|[^\W_{_HANGUL}]+")
_KATAKANA, _LATIN = "ァ-ヶー", r"[^\W_\u3040-\u30ff\u3400-\u9fff]"
_PARTICLES = (
    r"(?:들)?(?:은|는|이|가|을|를|의|에|에서|에게|께|께서|와|과|랑|이랑|로|으로|도|만|까지|부터|보다|처럼|"
    r"이나|나|이다|입니다|이에요|예요|인|이야|야|이라고|라고|이란|란|하고|마다|밖에|조차|에는|에도|로는|으로는)?"
)
_MOST_PARTICLE_LETTERS = 4
_MOST_WORDS_BETWEEN = 2
_LONGEST_ENDING = 6


def occurs(term: str, text: str) -> bool:
    """Whether the term is in the text: case aside but not accents, with the endings and particles that
    grammar gives it, the words of a longer term in order and close together."""
    return _finder(term)(_folded(text))


def relevant(terminology: Terminology, *texts: str) -> tuple[tuple[str, str], ...]:
    """The terms that occur in any of the texts."""
    folded = _folded("\n".join(texts))
    return tuple(pair for pair in terminology if _finder(pair[0])(folded))


def missing_terms(source: str, translated: str, terminology: Terminology) -> tuple[tuple[str, str], ...]:
    """The terms of the source whose wording the translation lacks.

    A term inside a longer one that occurs as well (`learning` in `machine learning`) is not asked for.
    """
    found = relevant(terminology, source)
    inner = {term for term, _ in found for other, _ in found if term != other and occurs(term, other)}
    return tuple(
        (term, wording) for term, wording in found if term not in inner and not occurs(wording, translated)
    )


@lru_cache(maxsize=2048)
def _finder(term: str) -> Callable[[str], bool]:
    folded = _folded(term).strip()
    words = _WORD.findall(folded)
    if not words:
        return lambda text: folded in text
    if _UNSPACED.search(folded):
        return _pattern(_unspaced_pattern(folded))
    if any("\uac00" <= mark <= "\ud7a3" for mark in folded):
        return _pattern(_korean_pattern(words))
    stems = [word[: _stem_length(word)] for word in words]
    return lambda text: all(stem in text for stem in stems) and _in_order(words, _words(text))


@lru_cache(maxsize=64)
def _words(folded: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(folded))


def _pattern(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.search(text) is not None


def _unspaced_pattern(term: str) -> str:
    """Anywhere, but not inside a longer word of katakana or Latin letters."""
    return f"{_edge(term[0], '<!')}{re.escape(term)}{_edge(term[-1], '!')}"


def _edge(mark: str, look: str) -> str:
    if re.match(f"[{_KATAKANA}]", mark):
        return f"(?{look}[{_KATAKANA}])"
    return f"(?{look}{_LATIN})" if re.match(_LATIN, mark) else ""


def _korean_pattern(words: Sequence[str]) -> str:
    """At the start of a word, blanks inside it or not, with particles behind it."""
    term = r"\s*".join(map(re.escape, words))
    if sum(map(len, words)) == 1:
        return rf"(?<![{_HANGUL}]){term}{_PARTICLES}(?![{_HANGUL}])"
    return rf"(?<![{_HANGUL}]){term}[{_HANGUL}]{{0,{_MOST_PARTICLE_LETTERS}}}(?![{_HANGUL}])"


def _in_order(wanted: Sequence[str], words: Sequence[str]) -> bool:
    return any(_follows(wanted, words, start) for start in range(len(words)))


def _follows(wanted: Sequence[str], words: Sequence[str], start: int) -> bool:
    """Whether the wanted words begin at `start`, with a few others between them at most."""
    if not _same_word(wanted[0], words[start]):
        return False
    place = start
    for word in wanted[1:]:
        ahead = range(place + 1, min(place + 2 + _MOST_WORDS_BETWEEN, len(words)))
        found = next((index for index in ahead if _same_word(word, words[index])), None)
        if found is None:
            return False
        place = found
    return True


def _same_word(wanted: str, word: str) -> bool:
    if wanted.isdigit():
        return wanted == word
    stem = wanted[: _stem_length(wanted)]
    longest = len(stem) + _LONGEST_ENDING if len(wanted) > len(stem) else len(wanted) + 2
    return word.startswith(stem) and len(word) <= max(longest, len(wanted))


def _stem_length(word: str) -> int:
    """Endings take the place of up to three letters, of none in short words."""
    return len(word) - min(3, max(0, (len(word) - 2) // 3)) if len(word) >= 5 else len(word)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
