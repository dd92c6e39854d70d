"""A text laid over several places: where it may be broken, and where it is best broken."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

_CLAUSE_ENDS = frozenset(",;:.!?…–—、，。；：！？،؛؟।")
_OPENERS = frozenset("([{«¿¡“‘„「『（【《〈［｛")
_SMALL_KANA = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮー々")
_LEADING_VOWELS = frozenset("เแโใไເແໂໃໄ")  # written before the consonant they follow
_UNSPACED_CLASS = (
    r"\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{_UNSPACED_CLASS}]")
_PIECE = re.compile(rf"(?:<[^<>]*>|{{[^{{}}]*}}|[{_UNSPACED_CLASS}]|[^\s<{{{_UNSPACED_CLASS}]+|\S)\s*")
# How far a break may stray from its due place, in parts of the smaller neighbour, to fall better.
_CLAUSE_REACH, _PHRASE_REACH = 0.4, 0.15


def lay_out(text: str, weights: Sequence[float]) -> tuple[str, ...] | None:
    """The text in as many parts as there are `weights` (all above 0), about in their proportion.

    It is broken between words, or between characters where a script has no blanks, best where a clause
    ends, and never inside a number, a tag, a placeholder or a Latin word. None if
    there are too few words.
    """
    words = _unbreakable(text)
    if len(words) < len(weights):
        return None
    cuts = [0]
    ends = [0, *accumulate(len(word) for word in words)]
    shares = [0.0, *accumulate(weight * ends[-1] / sum(weights) for weight in weights)]
    for part in range(1, len(weights)):
        near = min(weights[part - 1], weights[part]) * ends[-1] / sum(weights)
        last = len(words) - len(weights) + part

        def cost(cut: int, near: float = near, due: float = shares[part]) -> float:
            return abs(ends[cut] - due) - near * _reach(words[cut - 1], words[cut])

        cuts.append(min(range(cuts[-1] + 1, last + 1), key=cost))
    return tuple("".join(words[start:end]).strip() for start, end in pairwise([*cuts, len(words)]))


def in_rows(text: str, source: str) -> str:
    """The text on as many rows as the source has; on one where there are too few words."""
    rows = source.splitlines()
    laid = lay_out(text, [max(len(row), 1) for row in rows]) if len(rows) > 1 else None
    return "\n".join(laid) if laid else text


def is_unspaced(text: str) -> bool:
    """Whether it is in a script that is written without blanks between words."""
    return _UNSPACED.search(text) is not None


def _reach(before: str, after: str) -> float:
    if before.rstrip()[-1] in _CLAUSE_ENDS:
        return _CLAUSE_REACH
    return _PHRASE_REACH if _is_hiragana(before) and not _is_hiragana(after) else 0.0


def _unbreakable(text: str) -> list[str]:
    """What may not be broken any further, with the blanks behind it."""
    words: list[str] = []
    unspaced = is_unspaced(text)
    for piece in _pieces(text):
        if words and not _may_break(words[-1], piece, unspaced=unspaced):
            words[-1] += piece
        else:
            words.append(piece)
    return words


def _pieces(text: str) -> Iterator[str]:
    return (found[0] for found in _PIECE.finditer(text))


def _may_break(before: str, after: str, *, unspaced: bool) -> bool:
    last, first = before.rstrip()[-1], after[0]
    if not any(mark.isalnum() for mark in before) or not any(mark.isalnum() for mark in after):
        return False
    if last in _OPENERS or last in _LEADING_VOWELS or _clings(first):
        return False
    if _is_katakana(last) and _is_katakana(first):
        return False
    if _UNSPACED.match(last) or _UNSPACED.match(first):
        return True
    if unspaced or not before[-1].isspace():
        return False
    return not (last.isdigit() and first.isdigit())


def _clings(mark: str) -> bool:
    return mark in _SMALL_KANA or unicodedata.category(mark) in ("Mn", "Mc")


def _is_katakana(mark: str) -> bool:
    return "\u30a0" <= mark <= "\u30ff"


def _is_hiragana(word: str) -> bool:
    return "\u3040" <= word[-1] <= "\u309f"
