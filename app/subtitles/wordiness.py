"""Signs in a text alone that nobody said it: it goes round in circles, or there is too much of it."""

import re
import zlib
from collections.abc import Sequence

from app.subtitles.phantom_phrases import compact
from app.subtitles.pieces import is_unspaced

_HANGUL = re.compile(r"[가-힣]")
_COMPRESSION_RATIO = 2.4
_LONGEST_ROUND = 20
_ROUNDS = 4
_LOOP_SHARE = 0.6
# What people sing or laugh over and over.
_SUNG = re.compile(r"(?:[bdhlnr]?[aeiou])+h?|[ㅋㅎ하호히헤라나はハラナあ哈啦]+")

_WORDS_PER_SECOND = 10.0
_LEAST_WORDS = 5
_LETTERS_PER_SECOND = 60.0
_SYLLABLES_PER_SECOND = 25.0
_LEAST_LETTERS = 12


def is_loop(text: str, compression_ratio: float | None = None) -> bool:
    """Whether most of it is one phrase over and over, not just laughter or la la la, and it packs as only
    such texts do.

    `compression_ratio` as the engine gave it; it is measured where it did not.
    """
    ratio = _packed(text) if compression_ratio is None else compression_ratio
    if ratio <= _COMPRESSION_RATIO or all(map(_SUNG.fullmatch, map(compact, text.split()))):
        return False
    tokens: Sequence[str] = compact(text) if is_unspaced(text) else text.casefold().split()
    longest = max((_in_circles(tokens, size) for size in range(1, _LONGEST_ROUND + 1)), default=0)
    return longest >= _LOOP_SHARE * len(tokens)


def too_much_text(text: str, seconds: float) -> bool:
    """Whether nobody can say it in that time."""
    letters = len(compact(text))
    if is_unspaced(text) or _HANGUL.search(text):
        return letters >= _LEAST_LETTERS and letters > _SYLLABLES_PER_SECOND * seconds
    words = len(text.split())
    return words >= _LEAST_WORDS and (
        words > _WORDS_PER_SECOND * seconds or letters > _LETTERS_PER_SECOND * seconds
    )


def _packed(text: str) -> float:
    data = text.strip().encode()
    return len(data) / len(zlib.compress(data))


def _in_circles(tokens: Sequence[str], size: int) -> int:
    """The most tokens in a row that repeat the `size` before them, at least `_ROUNDS` times in all."""
    longest = run = 0
    for index in range(size, len(tokens)):
        run = run + 1 if tokens[index] == tokens[index - size] else 0
        longest = max(longest, run)
    return longest + size if longest >= (_ROUNDS - 1) * size else 0
