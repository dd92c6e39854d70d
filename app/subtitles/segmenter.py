"""What an engine heard, cut into lines that are worth reading and speaking."""

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from app.subtitles.engines.base import TranscriptSegment, Word
from app.subtitles.segments import Segment

_PADDING_SECONDS = 0.15
_SHORTEST_SENTENCE_SECONDS = 1.0
_SHORTEST_SECONDS = 0.001
_CLAUSE_WORTH_SECONDS = 0.5
_LEAST_SHARE = 0.2
_WORD_SEARCH_CHARACTERS = 40

_CLOSING = "\"'”’»)]）」』】》"
_SENTENCE_END = re.compile(rf"[.!?。！？…؟۔।][{re.escape(_CLOSING)}]*$")
_CLAUSE_END = re.compile(rf"[,;:、，；：،؛—–.!?。！？…؟۔।][{re.escape(_CLOSING)}]*$")
_ABBREVIATION = re.compile(r"\b(?:mr|mrs|ms|dr|prof|st|sr|sra|jr|vs|[a-hj-z])\.$", re.IGNORECASE)
_IDEOGRAPHIC = "぀-ヿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ"
_UNSPACED = f"{_IDEOGRAPHIC}฀-๿"
_TAKES_NO_BLANK = re.compile(rf"[{_IDEOGRAPHIC}、。，！？…」』）]$")
_UNTIMED_PIECE = re.compile(rf"[{_UNSPACED}][^\w\s]*\s*|(?:(?![{_UNSPACED}])\S)+\s*")


@dataclass(frozen=True, slots=True)
class _Piece:
    """The smallest part that is never cut: a word with its punctuation; times in seconds.

    `text` has the blanks that belong behind it.
    """

    start: float
    end: float
    text: str
    confidence: float | None
    words: tuple[Word, ...] = ()


_Run = tuple[_Piece, ...]


def build_segments(
    transcript_segments: Sequence[TranscriptSegment],
    *,
    max_length: float,
    min_silence: float,
    duration: float,
) -> tuple[Segment, ...]:
    """Lines in order of time, without overlaps, within the video's `duration` (all in seconds).

    Where the engine timed the words, a line ends with a sentence of at least a second, at a pause of
    `min_silence`, and, if longer than `max_length`, after the clause or at the pause that divides it
    best; never inside a word. Segments without word times stay as they are, but over-long ones are
    divided at punctuation in proportion to the text.
    """
    video_end = math.floor(round(duration * 1000, 3)) / 1000
    with_text = (segment for segment in transcript_segments if segment.text.strip())
    heard = sorted(with_text, key=lambda segment: segment.start)
    runs = [
        part
        for run in _runs(heard, max_length=max_length, min_silence=min_silence)
        for part in _divided(run, max_length)
    ]
    line = _in_sequence(map(_joined, runs), video_end)
    limits = [*(segment.start for segment in line), video_end][1:]
    return tuple(
        replace(segment, id=number, end=round(min(segment.end + _PADDING_SECONDS, limit), 3))
        for number, (segment, limit) in enumerate(zip(line, limits, strict=True))
    )


def _runs(heard: Iterable[TranscriptSegment], *, max_length: float, min_silence: float) -> Iterator[_Run]:
    """Sentences where words have times; whole segments, in small pieces only if over-long, where not."""
    timed: list[_Piece] = []
    for segment in heard:
        pieces = _timed_pieces(segment)
        if pieces:
            timed.extend(pieces)
            continue
        yield from _sentences(timed, min_silence)
        timed = []
        whole = _whole(segment)
        yield _untimed_pieces(whole) if whole.end - whole.start > max_length else (whole,)
    yield from _sentences(timed, min_silence)


def _confidence(segment: TranscriptSegment) -> float | None:
    log_probability = segment.average_log_probability
    return None if log_probability is None else min(1.0, math.exp(log_probability))


def _whole(segment: TranscriptSegment) -> _Piece:
    return _Piece(segment.start, segment.end, segment.text.strip(), _confidence(segment))


def _untimed_pieces(whole: _Piece) -> _Run:
    """The words of a text, or the characters where none are spaced, timed by their share of it."""
    texts: list[str] = _UNTIMED_PIECE.findall(whole.text)
    per_character = (whole.end - whole.start) / max(1, sum(map(len, texts)))
    pieces: list[_Piece] = []
    start = whole.start
    for text in texts:
        end = start + len(text) * per_character
        pieces.append(_Piece(start, end, text, whole.confidence))
        start = end
    return tuple(pieces)


def _timed_pieces(segment: TranscriptSegment) -> list[_Piece]:
    """Words with the punctuation and blanks of the segment's own text, which engines leave out of words."""
    found = _find_words(segment)
    if not found:
        return []
    text = segment.text.rstrip()
    blank = "" if _TAKES_NO_BLANK.search(text) else " "
    starts = [0, *(_boundary(text, one.text_end, next_one.text_start) for one, next_one in pairwise(found))]
    texts = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    texts[-1] += blank
    confidence = _confidence(segment)
    return [
        _Piece(one.words[0].start, max(word.end for word in one.words), piece, confidence, tuple(one.words))
        for one, piece in zip(found, texts, strict=True)
    ]


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
    return character in "¿¡" or unicodedata.category(character) in {"Ps", "Pi"}


def _sentences(pieces: Sequence[_Piece], min_silence: float) -> Iterator[_Run]:
    run: list[_Piece] = []
    for piece in pieces:
        if run and _breaks(run, piece, min_silence):
            yield tuple(run)
            run = []
        run.append(piece)
    if run:
        yield tuple(run)


def _breaks(run: Sequence[_Piece], following: _Piece, min_silence: float) -> bool:
    last = run[-1]
    if following.start - last.end >= min_silence:
        return True
    long_enough = last.end - run[0].start >= _SHORTEST_SENTENCE_SECONDS
    return long_enough and _ends_sentence(last.text) and not following.text[:1].islower()


def _ends_sentence(text: str) -> bool:
    stripped = text.rstrip()
    return bool(_SENTENCE_END.search(stripped)) and not _ABBREVIATION.search(stripped)


def _divided(run: _Run, max_length: float) -> list[_Run]:
    if len(run) < 2 or run[-1].end - run[0].start <= max_length:
        return [run]
    cut = _best_cut(run)
    return [*_divided(run[:cut], max_length), *_divided(run[cut:], max_length)]


def _best_cut(run: _Run) -> int:
    """After a clause or at a pause that leaves neither side with too little, if there is one."""
    cuts = range(1, len(run))
    fair = [cut for cut in cuts if _smaller_share(run, cut) >= _LEAST_SHARE]
    if fair:
        return max(fair, key=lambda cut: _pause_worth(run, cut) + _smaller_share(run, cut))
    return max(cuts, key=lambda cut: _smaller_share(run, cut))


def _smaller_share(run: _Run, cut: int) -> float:
    start, end = run[0].start, run[-1].end
    return min(run[cut - 1].end - start, end - run[cut].start) / (end - start)


def _pause_worth(run: _Run, cut: int) -> float:
    """Seconds of pause at the cut, with the end of a clause counted as some."""
    clause = _CLAUSE_END.search(run[cut - 1].text.rstrip())
    return run[cut].start - run[cut - 1].end + (_CLAUSE_WORTH_SECONDS if clause else 0.0)


def _joined(run: _Run) -> Segment:
    return Segment(
        id=0,
        start=run[0].start,
        end=max(piece.end for piece in run),
        text=" ".join("".join(piece.text for piece in run).split()),
        confidence=_mean_confidence(run),
        words=tuple(word for piece in run for word in piece.words),
    )


def _mean_confidence(run: _Run) -> float | None:
    known = [piece.confidence for piece in run if piece.confidence is not None]
    return math.fsum(known) / len(known) if known else None


def _in_sequence(segments: Iterable[Segment], duration: float) -> list[Segment]:
    """Cut to the video, the earlier of two that overlap ending where the later starts."""
    line: list[Segment] = []
    for segment in sorted((_clamped(segment, duration) for segment in segments), key=lambda one: one.start):
        if segment.start >= duration:
            continue
        if line and segment.start - line[-1].start < _SHORTEST_SECONDS:
            line[-1] = _merged(line[-1], segment)
            continue
        if line:
            line[-1] = replace(line[-1], end=min(line[-1].end, segment.start))
        line.append(segment)
    return line


def _clamped(segment: Segment, duration: float) -> Segment:
    words = tuple(
        Word(_within(word.start, duration), _within(word.end, duration), word.text, word.probability)
        for word in segment.words
    )
    start, end = _within(segment.start, duration), _within(segment.end, duration)
    return replace(segment, start=start, end=max(start, end), words=words)


def _within(seconds: float, duration: float) -> float:
    return round(float(min(max(seconds, 0.0), duration)), 3)


def _merged(first: Segment, second: Segment) -> Segment:
    return replace(
        first,
        end=max(first.end, second.end),
        text=f"{first.text} {second.text}",
        words=(*first.words, *second.words),
    )
