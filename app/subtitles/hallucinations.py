"""What an engine wrote where nobody spoke, told from speech by several signs at once."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

import numpy as np

from app.media.audio import Samples
from app.media.silence import FRAME_SECONDS, Levels
from app.subtitles.engines.base import TranscriptSegment
from app.subtitles.phantom_phrases import compact, is_credit, is_farewell
from app.subtitles.pieces import split_sentences
from app.subtitles.wordiness import is_loop, too_much_text

# Whisper's own limits, and milder ones for what has another sign against it.
_NO_SPEECH_PROBABILITY = 0.6
_LOG_PROBABILITY = -1.0
_DOUBTFUL_PROBABILITY = 0.5
_DOUBTFUL_LOG_PROBABILITY = -0.8

_LOUD_SHARE = 0.05
_MOSTLY_QUIET_SHARE = 0.25
_AROUND_SECONDS = 0.25
_STEADY_SECONDS = 0.5
_STEADY_DB = 5.0
_ROOM_DB = 12.0
_SAME_AGAIN = 4
_MUSIC = re.compile("[♩♪♫♬]")


class Reason(StrEnum):
    """Why a text is not believed."""

    SILENCE = "silence"
    NO_SPEECH = "no_speech"
    REPETITION = "repetition"
    RATE = "rate"
    PHANTOM_PHRASE = "phantom_phrase"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A text that is not believed; `start` and `end` in seconds."""

    start: float
    end: float
    text: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Judged:
    """Both in order of time. A segment of which a sentence was left out is kept in sentences."""

    kept: tuple[TranscriptSegment, ...]
    left_out: tuple[LeftOut, ...]


def leave_out_hallucinations(heard: Sequence[TranscriptSegment], levels: Levels, duration: float) -> Judged:
    """`heard` on the clock of the recording that `levels` measures and that lasts `duration` seconds.

    A sign that real speech can show too counts only together with another one. The engine's
    probabilities are used where there are any.
    """
    ordered = sorted((segment for segment in heard if segment.text.strip()), key=lambda one: one.start)
    limits = [*(segment.start for segment in ordered), duration][1:]
    verdicts = [
        verdict
        for segment, limit in zip(ordered, limits, strict=True)
        for verdict in _judge(segment, limit, levels)
    ]
    return _sorted_out(_without_same_again(verdicts))


@dataclass(frozen=True, slots=True)
class _Verdict:
    segment: TranscriptSegment
    reason: Reason | None


def _judge(segment: TranscriptSegment, limit: float, levels: Levels) -> Iterator[_Verdict]:
    """Of the whole, or if nothing is wrong with that, of each sentence; `limit` is when the next begins."""
    reason = _reason_against_all(segment, limit, levels)
    if reason is not None:
        yield _Verdict(segment, reason)
        return
    verdicts = [
        _Verdict(sentence, _reason_against(sentence, levels)) for sentence in split_sentences(segment)
    ]
    yield from verdicts if any(one.reason for one in verdicts) else [_Verdict(segment, None)]


def _reason_against_all(segment: TranscriptSegment, limit: float, levels: Levels) -> Reason | None:
    no_speech = segment.no_speech_probability or 0.0
    log_probability = segment.average_log_probability or 0.0
    if no_speech > _NO_SPEECH_PROBABILITY and log_probability < _LOG_PROBABILITY:
        return Reason.NO_SPEECH
    if is_loop(segment.text, segment.compression_ratio):
        return Reason.REPETITION
    if too_much_text(segment.text, max(segment.end, limit) - segment.start):
        return Reason.RATE
    return None


def _reason_against(sentence: TranscriptSegment, levels: Levels) -> Reason | None:
    if not compact(sentence.text) and not _MUSIC.search(sentence.text):
        return Reason.NO_SPEECH
    if is_credit(sentence.text):
        return Reason.PHANTOM_PHRASE
    if _silent(sentence, levels):
        return Reason.SILENCE
    steady = _steady(sentence, levels)
    if is_farewell(sentence.text) and (steady or _doubtful(sentence) or _mostly_quiet(sentence, levels)):
        return Reason.PHANTOM_PHRASE
    if steady and (_doubtful(sentence) or _unjudged(sentence)):
        return Reason.NO_SPEECH
    return None


def _doubtful(segment: TranscriptSegment) -> bool:
    """By the engine's own figures."""
    return (segment.no_speech_probability or 0.0) > _DOUBTFUL_PROBABILITY or (
        segment.average_log_probability or 0.0
    ) < _DOUBTFUL_LOG_PROBABILITY


def _unjudged(segment: TranscriptSegment) -> bool:
    return segment.no_speech_probability is None and segment.average_log_probability is None


def _silent(segment: TranscriptSegment, levels: Levels) -> bool:
    """Nothing there or near but the room; a quiet voice rises and falls more than a room does."""
    frames = levels.between(segment.start - _AROUND_SECONDS, segment.end + _AROUND_SECONDS)
    if not len(frames) or np.mean(frames >= levels.quiet_below) >= _LOUD_SHARE:
        return False
    return _spread(frames) < _ROOM_DB or float(np.max(frames)) < levels.quiet_below - _ROOM_DB


def _mostly_quiet(segment: TranscriptSegment, levels: Levels) -> bool:
    frames = levels.between(segment.start, segment.end)
    return bool(len(frames)) and float(np.mean(frames >= levels.quiet_below)) < _MOSTLY_QUIET_SHARE


def _steady(segment: TranscriptSegment, levels: Levels) -> bool:
    """A noise or a tone: the loudness of speech changes by far more from syllable to syllable."""
    frames = levels.between(segment.start, segment.end)
    return len(frames) * FRAME_SECONDS >= _STEADY_SECONDS and _spread(frames) < _STEADY_DB


def _spread(frames: Samples) -> float:
    low, high = np.percentile(frames, (5, 95))
    return float(high - low)


def _without_same_again(verdicts: Sequence[_Verdict]) -> list[_Verdict]:
    """The first of many segments in a row that say the same may be real."""
    judged: list[_Verdict] = []
    for text, group in groupby(verdicts, key=lambda one: compact(one.segment.text)):
        first, *others = group
        judged.append(first)
        loop = text and len(others) + 1 >= _SAME_AGAIN
        judged += [
            _Verdict(one.segment, one.reason or (Reason.REPETITION if loop else None)) for one in others
        ]
    return judged


def _sorted_out(verdicts: Sequence[_Verdict]) -> Judged:
    return Judged(
        tuple(one.segment for one in verdicts if one.reason is None),
        tuple(
            LeftOut(
                round(one.segment.start, 3), round(one.segment.end, 3), one.segment.text.strip(), one.reason
            )
            for one in verdicts
            if one.reason is not None
        ),
    )
