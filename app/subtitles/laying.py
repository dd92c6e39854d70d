"""Words whose times an engine did not tell, laid onto the sound."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.media.silence import Silence
from app.subtitles.engines.base import TranscriptSegment, Word
from app.subtitles.pieces import CLOSING, ends_sentence, untimed_pieces, whole_piece

# What a second of pause is worth behind a sentence, a clause and any other word.
_WORTH_BEHIND_SENTENCE, _WORTH_BEHIND_CLAUSE, _WORTH_BEHIND_WORD = 1.0, 0.8, 0.02
_LONGEST_WORTH_SECONDS = 1.0
# How freely a voice hurries and lingers: the square of the seconds it is off, for each second.
_FREEDOM = 0.5
_FARTHEST_SECONDS = 4.0
_SAME_SECONDS = 1e-6

_CLAUSE_END = re.compile(rf"[,;:、，；：،؛—–][{CLOSING}]*$")

_Seconds = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Voice:
    """The stretches of a recording with sound, on its clock, and how much of it has been heard where each
    begins and where the last one ends; in seconds."""

    stretches: tuple[tuple[float, float], ...]
    heard: _Seconds

    @classmethod
    def between(cls, start: float, end: float, pauses: Sequence[Silence]) -> "_Voice":
        inside = (pause for pause in pauses if pause.start < end and pause.end > start)
        edges = [start, *(edge for pause in inside for edge in (pause.start, pause.end)), end]
        spans = zip(edges[::2], edges[1::2], strict=True)
        stretches = tuple((first, last) for first, last in spans if last - first > _SAME_SECONDS)
        return cls(stretches, np.cumsum([0.0, *(last - first for first, last in stretches)]))

    @property
    def pauses(self) -> _Seconds:
        """How long they are between the stretches."""
        return np.array([after[0] - before[1] for before, after in pairwise(self.stretches)])

    def begin(self, heard: float) -> float:
        """When that much has been heard and more is."""
        return self._clock(heard, int(np.searchsorted(self.heard, heard + _SAME_SECONDS)) - 1)

    def end(self, heard: float) -> float:
        """When that much has been heard, before any pause."""
        return self._clock(heard, int(np.searchsorted(self.heard, heard - _SAME_SECONDS)) - 1)

    def _clock(self, heard: float, index: int) -> float:
        within = min(max(index, 0), len(self.stretches) - 1)
        first, last = self.stretches[within]
        return min(last, first + max(0.0, heard - float(self.heard[within])))


def laid(segment: TranscriptSegment, pauses: Sequence[Silence]) -> TranscriptSegment:
    """The segment with estimated times for its words, if it is `untimed`.

    They are told from the sound alone: sentences end in pauses, long ones before short ones, and clauses too,
    as far as nobody would have to speak much faster here than there. Between two such places every word has
    its share by its letters, and none is in a pause. `pauses` in order; where all is one, nothing is changed.
    """
    if not segment.untimed:
        return segment
    voice = _Voice.between(segment.start, segment.end, pauses)
    texts = [piece.text.strip() for piece in untimed_pieces(whole_piece(segment))]
    if not texts or not voice.stretches:
        return segment
    places = pairwise(_places(texts, voice).tolist())
    words = tuple(
        Word(voice.begin(first), voice.end(last), text)
        for text, (first, last) in zip(texts, places, strict=True)
    )
    return replace(segment, start=words[0].start, end=words[-1].end, words=words)


def _places(texts: Sequence[str], voice: _Voice) -> _Seconds:
    """How much has been heard where each word begins, and where the last one ends."""
    letters = np.cumsum([0, *(max(1, sum(map(str.isalnum, text))) for text in texts)])
    evenly = letters * (voice.heard[-1] / letters[-1])
    worth = np.array([_worth_behind(text) for text in texts[:-1]])
    word, pause = np.nonzero(np.abs(evenly[1:-1, None] - voice.heard[None, 1:-1]) < _FARTHEST_SECONDS)
    due = np.array([0.0, *evenly[1:-1][word], evenly[-1]])
    heard = np.array([0.0, *voice.heard[1:-1][pause], voice.heard[-1]])
    gains = worth[word] * np.minimum(voice.pauses[pause], _LONGEST_WORTH_SECONDS)
    chosen = list(_best_way(due, heard, np.array([0.0, *gains, 0.0])))
    places: _Seconds = np.interp(evenly, due[chosen], heard[chosen])
    return places


def _worth_behind(text: str) -> float:
    if ends_sentence(text):
        return _WORTH_BEHIND_SENTENCE
    return _WORTH_BEHIND_CLAUSE if _CLAUSE_END.search(text) else _WORTH_BEHIND_WORD


def _best_way(due: _Seconds, heard: _Seconds, gains: _Seconds) -> Iterator[int]:
    """From the first place to the last, which words end in which pauses: those that gain the most, less what
    it costs that more or less was heard between two of them than was due there."""
    scores, before = np.zeros(len(due)), np.zeros(len(due), dtype=np.intp)
    for index in range(1, len(due)):
        wanted, got = due[index] - due[:index], heard[index] - heard[:index]
        possible = (wanted > 0) & (got > 0)
        cost = np.square(got - wanted) / (_FREEDOM * np.where(possible, wanted, 1.0))
        reached = np.where(possible, scores[:index] - cost, -np.inf)
        before[index] = np.argmax(reached)
        scores[index] = reached[before[index]] + gains[index]
    way = [len(due) - 1]
    while way[-1]:
        way.append(int(before[way[-1]]))
    return reversed(way)
