"""What an engine heard, cut into lines that are worth reading and speaking."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from app.subtitles.engines.base import TranscriptSegment, Word
from app.subtitles.pieces import CLOSING, Piece, ends_sentence, timed_pieces, untimed_pieces, whole_piece
from app.subtitles.segments import Segment

_PADDING_SECONDS = 0.15
_SHORTEST_SENTENCE_SECONDS = 1.0
_SHORTEST_SECONDS = 0.001
_CLAUSE_WORTH_SECONDS = 0.5
_LEAST_SHARE = 0.2

_CLAUSE_END = re.compile(rf"[,;:、，；：،؛—–.!?。！？…؟۔।][{CLOSING}]*$")

_Run = tuple[Piece, ...]


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
    best; never inside a word or a number. Segments without word times stay as they are, but over-long
    ones are divided at punctuation in proportion to the text. No line has two speakers. A line is shown
    a little longer than it is spoken, up to the next one.
    """
    longest = max(max_length - _PADDING_SECONDS, max_length / 2)
    video_end = math.floor(round(duration * 1000, 3)) / 1000
    with_text = (segment for segment in transcript_segments if segment.text.strip())
    heard = sorted(with_text, key=lambda segment: segment.start)
    runs = [
        part
        for run in _runs(heard, max_length=longest, min_silence=min_silence)
        for part in _divided(run, longest)
    ]
    line = _in_sequence(map(_joined, runs), video_end)
    limits = [*(segment.start for segment in line), video_end][1:]
    return tuple(
        replace(segment, id=number, end=round(min(segment.end + _PADDING_SECONDS, limit), 3))
        for number, (segment, limit) in enumerate(zip(line, limits, strict=True))
    )


def _runs(heard: Iterable[TranscriptSegment], *, max_length: float, min_silence: float) -> Iterator[_Run]:
    """Sentences where words have times; whole segments, in small pieces only if over-long, where not."""
    timed: list[Piece] = []
    for segment in heard:
        pieces = timed_pieces(segment)
        if pieces:
            timed.extend(pieces)
            continue
        yield from _sentences(timed, min_silence)
        timed = []
        whole = whole_piece(segment)
        yield tuple(untimed_pieces(whole)) if whole.end - whole.start > max_length else (whole,)
    yield from _sentences(timed, min_silence)


def _sentences(pieces: Sequence[Piece], min_silence: float) -> Iterator[_Run]:
    run: list[Piece] = []
    for piece in pieces:
        if run and _breaks(run, piece, min_silence):
            yield tuple(run)
            run = []
        run.append(piece)
    if run:
        yield tuple(run)


def _breaks(run: Sequence[Piece], following: Piece, min_silence: float) -> bool:
    last = run[-1]
    if following.speaker != last.speaker:
        return True
    pause = following.start - last.end
    if pause > 0 and pause >= min_silence:
        return True
    long_enough = last.end - run[0].start >= _SHORTEST_SENTENCE_SECONDS
    return long_enough and ends_sentence(last.text) and not following.text[:1].islower()


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
        speaker=run[0].speaker,
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
            line[-1:] = _told_apart(line[-1], segment)
            continue
        if line:
            line[-1] = replace(line[-1], end=min(line[-1].end, segment.start))
        line.append(segment)
    return line


def _told_apart(first: Segment, second: Segment) -> list[Segment]:
    """Two that start together: one line, or, of two speakers, one after the other in the same time."""
    end = max(first.end, second.end)
    middle = round((first.start + end) / 2, 3)
    if first.speaker == second.speaker or not first.start < middle < end:
        return [_merged(first, second)]
    return [replace(first, end=middle), replace(second, start=middle, end=end)]


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
