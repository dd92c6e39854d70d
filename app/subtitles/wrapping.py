"""Where the lines of a subtitle break."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain

from app.subtitles.cues import without_markup
from app.subtitles.readability import ReadingRules, columns, columns_of

_IDEOGRAPHIC = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u3096\u30a1-\u30fa\u3105-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003fffd"
)
_CLOSING = "、。，．：；！？…‥・ー々〻ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ」』）】》〉〕］｝”’％℃゛゜ヽヾゝゞ~～"  # noqa: E501
_OPENING = "「『（【《〈〔［｛“‘￥＄"
# Between the letters of a script without blanks; a number stays with what counts it.
_BETWEEN = (
    rf"(?<=[{_IDEOGRAPHIC}{_CLOSING}A-Za-z])(?=[{_IDEOGRAPHIC}{_OPENING}])(?<!第)(?![{_CLOSING}])"
    rf"|(?<=[{_IDEOGRAPHIC}{_CLOSING}])(?=[A-Za-z0-9])(?<!第)"
)
_TAG = re.compile(r"</?[biu]>")
_BREAK = re.compile(rf"[ \t\u3000]+|{_BETWEEN}")
_BLANK = re.compile(r"[ \t]+")
_DASH = re.compile(rf"(?:{_TAG.pattern})*[-–—‐](?:\s|(?=[^\W\d_])|(?=[\"“«¿¡]))")
_MARKS = frozenset(".!?。！？…؟۔।,;:、，；：،؛–—\"'”’»)]）」』】》")
_SENTENCE_END = re.compile(r"[.!?。！？…؟۔।][\"'”’»)\]）」』】》]*$")
_NEEDS_THE_NEXT = re.compile(r"^(?:Mr|Mrs|Ms|Dr|Prof|St|No|Sr|Sra|Nr|n[º°])\.$|^[-–—‐]$|[♪♫#$€£¥₩«¿¡(\[]$")
_NEEDS_THE_LAST = re.compile(r"[♪♫!?:;»%)\]]")
_WORD_PIECES = re.compile(r"[\u30a1-\u30fa\u30fc][\u30a1-\u30fa]|[\u3400-\u9fff\u3041-\u3096][\u3041-\u3096]")

_AFTER_SENTENCE = 0.0
_AFTER_CLAUSE = 0.02
_BEFORE_CONNECTIVE = 0.06
_BETWEEN_WORDS = 0.2
_WITHIN_WORD = 0.35
_AFTER_CONNECTIVE = 0.5
_WIDEST_BLANK = 2
_ONE_MORE_LINE = 100.0
_TOO_LONG = 1000.0
_TOP_HEAVY = 1.3


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a text may be parted: it ends at `before`, and goes on at `after` (what is between is
    blank). `cost` tells how much is torn apart: none at the end of a sentence, 0.5 at worst."""

    before: int
    after: int
    cost: float


def wrap(text: str, rules: ReadingRules) -> str:
    """The text in lines that fit the rules, as few as can be and of about the same length.

    Lines that fit are left as they are. Others are broken after punctuation or before a connective
    rather than elsewhere, never inside a word or number, or between a number and its unit; a lower line
    is rather the longer one. The lines of two speakers, which begin with a dash, stay apart. Tags take
    no room. A text that is too long for the rules becomes more lines than they allow.
    """
    if rules.fits(text):
        return text
    return "\n".join(line for part in paragraphs(text) for line in _broken(part, rules))


def paragraphs(text: str) -> list[str]:
    """The text on a line, or on one for each speaker who has a dash."""
    parts: list[str] = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        if parts and not _DASH.match(line):
            parts[-1] = joined(parts[-1], line)
        else:
            parts.append(line)
    return parts


def joined(first: str, second: str) -> str:
    """Two lines as one, without a blank where their script has none."""
    seam = without_markup(first)[-1:] + without_markup(second)[:1]
    together = columns(seam) > 2 and _BREAK.search(seam) is not None
    return first + second if together else f"{first} {second}"


def begins_with_dash(text: str) -> bool:
    return _DASH.match(text) is not None


def breaks(text: str, rules: ReadingRules, first: int = 1, last: int | None = None) -> list[Break]:
    """The places where a text on one line may be parted, in their order: only those where it ends by
    `last` and goes on from `first` on."""
    spans = [match.span() for match in (_BLANK if text.isascii() else _BREAK).finditer(text)]
    edges = [0, *chain.from_iterable(spans), len(text)]
    latest = len(text) if last is None else last
    found: list[Break] = []
    for index, (before, after) in enumerate(spans):
        if before <= latest and after >= first:
            word, following = text[edges[2 * index] : before], text[after : edges[2 * index + 3]]
            cost = _cost(without_markup(word), without_markup(following), before == after, rules)
            if cost is not None:
                found.append(Break(before, after, cost))
    return found


def _cost(word: str, following: str, within: bool, rules: ReadingRules) -> float | None:
    """What it costs to part two words, or letters `within` one; None where that must not be."""
    end, beginning = _end_of(word), _beginning_of(following)
    if end is None or beginning is None or (within and columns(word[-1] + following[0]) == 2):
        return None
    if word[-1].isdigit() and (beginning in rules.units or beginning[:1].isdigit()):
        return None
    if end < _BETWEEN_WORDS:
        return end
    if within:
        return _WITHIN_WORD if _WORD_PIECES.fullmatch(word[-1] + following[0]) else _BETWEEN_WORDS
    if word.lower() in rules.connectives:
        return _AFTER_CONNECTIVE
    return _BEFORE_CONNECTIVE if beginning in rules.connectives else _BETWEEN_WORDS


@lru_cache(maxsize=8192)
def _end_of(word: str) -> float | None:
    """What it costs to end a line with the word; None where it must not be."""
    if not word or _NEEDS_THE_NEXT.search(word):
        return None
    if word[-1] in _MARKS:
        return _AFTER_SENTENCE if _SENTENCE_END.search(word) else _AFTER_CLAUSE
    return _BETWEEN_WORDS


@lru_cache(maxsize=8192)
def _beginning_of(word: str) -> str | None:
    """The bare word that a line would begin with; None where it must not be."""
    return None if not word or _NEEDS_THE_LAST.match(word) else word.rstrip(".,;:!?…").lower()


def _broken(text: str, rules: ReadingRules) -> list[str]:
    """The lines of a text that is on one."""
    limit = rules.columns_per_line
    at = _column_offsets(text)
    if at[-1] <= limit:
        return [text]
    cut = _middle(text, at, rules)
    if cut is not None:
        return [text[: cut.before], text[cut.after :]]
    places = breaks(text, rules)
    starts = [0, *(place.after for place in places)]
    ends = [*(place.before for place in places), len(text)]
    costs = [0.0, *(place.cost for place in places)]
    target = at[-1] / -(-at[-1] // limit)
    chosen = _cheapest([at[start] for start in starts], [at[end] for end in ends], costs, limit, target)
    return [text[starts[first] : ends[last]] for first, last in chosen]


def _column_offsets(text: str) -> list[int]:
    """The columns before each character, and after the last."""
    widths = [1] * len(text) if text.isascii() else list(map(columns_of, text))
    for tag in _TAG.finditer(text):
        widths[tag.start() : tag.end()] = [0] * len(tag[0])
    return [0, *accumulate(widths)]


def _middle(text: str, at: Sequence[int], rules: ReadingRules) -> Break | None:
    """The best place to break a text into two lines; None where two do not hold it."""
    limit, width = rules.columns_per_line, at[-1]
    if width > 2 * limit + _WIDEST_BLANK:
        return None

    def cost(place: Break) -> float:
        upper, lower = at[place.before], width - at[place.after]
        return place.cost + sum(
            _line_cost(length, limit, width / 2, is_first)
            for length, is_first in ((upper, True), (lower, False))
        )

    near = breaks(text, rules, bisect_left(at, width - limit), bisect_right(at, limit) - 1)
    return min(near, key=cost, default=None)


def _cheapest(
    offsets: Sequence[int], tails: Sequence[int], costs: Sequence[float], limit: int, target: float
) -> list[tuple[int, int]]:
    """The first and last piece of each line, of all ways to break the one that costs the least."""
    best, firsts = [0.0], [0]
    for last, tail in enumerate(tails):
        cheapest, first_piece = float("inf"), last
        for first in range(last, -1, -1):
            width = tail - offsets[first]
            if width > limit and first < last:
                break
            cost = best[first] + costs[first] + _line_cost(width, limit, target, first == 0)
            if cost < cheapest:
                cheapest, first_piece = cost, first
        best.append(cheapest)
        firsts.append(first_piece)
    lines = [(firsts[-1], len(tails) - 1)]
    while lines[-1][0] > 0:
        last = lines[-1][0] - 1
        lines.append((firsts[last + 1], last))
    return lines[::-1]


def _line_cost(width: int, limit: int, target: float, is_first: bool) -> float:
    """A first line that is the longer one costs more than a later one."""
    off = (width - target) / limit
    too_long = _TOO_LONG * (width - limit) if width > limit else 0.0
    return _ONE_MORE_LINE + too_long + off * off * (_TOP_HEAVY if is_first and off > 0 else 1.0)
