"""A transcript in its smallest parts: words with their punctuation, and numbers, which are never cut."""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from app.subtitles.engines.base import TranscriptSegment, Word

_WORD_SEARCH_CHARACTERS = 40
_NUMBER_PAUSE_SECONDS = 1.0

CLOSING = re.escape("\"'”’»)]）」』】》")
_SENTENCE_END = re.compile(rf"[.!?。！？…؟۔।][{CLOSING}]*$")
_ABBREVIATION = re.compile(r"\b(?:mr|mrs|ms|dr|prof|st|sr|sra|jr|vs|[a-hj-z])\.$", re.IGNORECASE)
# As escapes: an editor may normalise U+F900 to a letter from before Hangul, which has blanks.
_IDEOGRAPHIC = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
_UNSPACED = f"{_IDEOGRAPHIC}\u0e00-\u0e7f"
_UNSPACED_CHARACTER = re.compile(rf"[{_UNSPACED}]")
_TAKES_NO_BLANK = re.compile(rf"[{_IDEOGRAPHIC}、。，！？…」』）]$")
_UNTIMED_PIECE = re.compile(rf"[{_UNSPACED}][^\w\s]*\s*|(?:(?![{_UNSPACED}])\S)+\s*")
_CURRENCY = "$€£¥₩₹"
# A line break stands for the place between two pieces.
_INSIDE_NUMBER = re.compile(
    rf"""(?<![\d.,])\d{{1,3}}(?:\s\d{{3}})*\s\n\d{{3}}(?!\d)  # 10 000
    | \d\s+[.,:]\s*\n\d                                       # 3 . 5
    | (?:^|\s)\d{{1,2}}\.\s\n\d                               # 12. 5. 2024
    | \d\s*\n[%‰°年月日時时分秒點点년월일시분초{_CURRENCY}]   # 5 %
    | [{_CURRENCY}]\s*\n\d                                    # $ 5
    | \b(?:no|nr|art|fig|vol|pp?)\.\s\n\d                     # No. 5
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """The smallest part that is never cut; times in seconds.

    `text` has the blanks that belong behind it. `words` are those of the engine, if it timed them.
    """

    start: float
    end: float
    text: str
    confidence: float | None
    words: tuple[Word, ...] = ()
    speaker: str | None = None


def ends_sentence(text: str) -> bool:
    stripped = text.rstrip()
    return bool(_SENTENCE_END.search(stripped)) and not _ABBREVIATION.search(stripped)


def is_unspaced(text: str) -> bool:
    """Whether most of it is written without blanks between words."""
    letters = [character for character in text if character.isalnum()]
    return 2 * sum(map(bool, map(_UNSPACED_CHARACTER.match, letters))) > len(letters)


def whole_piece(segment: TranscriptSegment) -> Piece:
    text = segment.text.strip()
    return Piece(segment.start, segment.end, text, _confidence(segment), speaker=segment.speaker)


def untimed_pieces(whole: Piece) -> list[Piece]:
    """The words of a text, or the characters where none are spaced, timed by their share of it."""
    texts: list[str] = _UNTIMED_PIECE.findall(whole.text)
    per_character = (whole.end - whole.start) / max(1, sum(map(len, texts)))
    pieces: list[Piece] = []
    start = whole.start
    for text in texts:
        end = start + len(text) * per_character
        pieces.append(replace(whole, start=start, end=end, text=text))
        start = end
    return _uncut(pieces)


def timed_pieces(segment: TranscriptSegment) -> list[Piece]:
    """Words with the punctuation and blanks of the segment's own text, which engines leave out of words.

    None if the segment has no words with times; estimated times are those of pieces, not of words.
    """
    found = _find_words(segment)
    if not found:
        return []
    text = segment.text.rstrip()
    blank = "" if _TAKES_NO_BLANK.search(text) else " "
    starts = [0, *(_boundary(text, one.text_end, next_one.text_start) for one, next_one in pairwise(found))]
    texts = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    texts[-1] += blank
    whole = whole_piece(segment)
    pieces = _uncut(_timed(whole, one.words, piece) for one, piece in zip(found, texts, strict=True))
    return [replace(piece, words=()) for piece in pieces] if segment.untimed else pieces


def split_sentences(segment: TranscriptSegment) -> tuple[TranscriptSegment, ...]:
    """Its sentences with their own times, or the segment where its words have none."""
    sentences: list[list[Piece]] = [[]]
    for piece in timed_pieces(segment):
        sentences[-1].append(piece)
        if ends_sentence(piece.text):
            sentences.append([])
    filled = [sentence for sentence in sentences if sentence]
    if len(filled) < 2:
        return (segment,)
    return tuple(
        replace(
            segment,
            start=sentence[0].start,
            end=max(piece.end for piece in sentence),
            text="".join(piece.text for piece in sentence).strip(),
            words=tuple(word for piece in sentence for word in piece.words),
        )
        for sentence in filled
    )


def _timed(whole: Piece, words: Sequence[Word], text: str) -> Piece:
    end = max(word.end for word in words)
    return replace(whole, start=words[0].start, end=end, text=text, words=tuple(words))


def _confidence(segment: TranscriptSegment) -> float | None:
    log_probability = segment.average_log_probability
    return None if log_probability is None else min(1.0, math.exp(log_probability))


def _uncut(pieces: Iterable[Piece]) -> list[Piece]:
    whole: list[Piece] = []
    for piece in pieces:
        if whole and _belongs(whole[-1], piece):
            before = whole[-1]
            whole[-1] = replace(
                before,
                end=max(before.end, piece.end),
                text=before.text + piece.text,
                words=(*before.words, *piece.words),
            )
        else:
            whole.append(piece)
    return whole


def _belongs(before: Piece, after: Piece) -> bool:
    """Whether two pieces are parts of one word or number."""
    if after.start - before.end >= _NUMBER_PAUSE_SECONDS:
        return False
    if not any(map(str.isalnum, after.text)) or _INSIDE_NUMBER.search(f"{before.text}\n{after.text}"):
        return True
    last, first = before.text[-1:], after.text[:1]
    if last.isspace() or _UNSPACED_CHARACTER.match(last) or _UNSPACED_CHARACTER.match(first):
        return False
    if first.isdigit():
        return last in ".,:/-–'’" or last.isalnum()
    return not (ends_sentence(before.text) or last in "—…、。，！？；：" or _opens(first))


@dataclass(frozen=True, slots=True)
class _Found:
    """A word's place in its segment's text, and it with the words beside it that are not in the text."""

    text_start: int
    text_end: int
    words: list[Word]


def _find_words(segment: TranscriptSegment) -> list[_Found]:
    found: list[_Found] = []
    unfound: list[Word] = []
    text = _lowered(segment.text)
    position = 0
    for word in segment.words:
        wanted = _lowered(word.text.strip())
        at = text.find(wanted, position, position + len(wanted) + _WORD_SEARCH_CHARACTERS) if wanted else -1
        if at >= 0:
            position = at + len(wanted)
            found.append(_Found(at, position, [*unfound, word]))
            unfound = []
        elif found:
            found[-1].words.append(word)
        else:
            unfound.append(word)
    return found


def _lowered(text: str) -> str:
    """Of the same length, unlike `str.lower`, so that places in it are places in the text."""
    return "".join(small if len(small := character.lower()) == 1 else character for character in text)


def _boundary(text: str, end: int, start: int) -> int:
    """Where, between one word's end and the next one's start, the next one's opening marks begin."""
    between = text[end:start]
    blank = max((at for at, character in enumerate(between) if character.isspace()), default=-1)
    if blank >= 0:
        return end + blank + 1
    opening = (at for at, character in enumerate(between) if _opens(character))
    return end + next(opening, len(between))


def _opens(character: str) -> bool:
    return character != "" and (character in "¿¡" or unicodedata.category(character) in {"Ps", "Pi"})
