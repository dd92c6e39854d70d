"""What a transcription server answers, to a `Transcript`: the specification's WhisperResponseParser.

Servers that speak OpenAI's protocol leave out different parts of it, so everything but the text is
optional here and the parts that are there are made the most of.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from app.core.errors import ErrorCode, Problem
from app.subtitles.engines.base import Transcript, TranscriptSegment, Word
from app.subtitles.engines.language_names import language_code


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _measured(value: float | None) -> float | None:
    """Some servers fill in an exact zero for what they did not measure."""
    return _finite(value) or None


_Number = Annotated[float | None, AfterValidator(_finite)]
_Measure = Annotated[float | None, AfterValidator(_measured)]


class _Lenient(BaseModel):
    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


class _Word(_Lenient):
    start: _Number = None
    end: _Number = None
    text: str = Field(default="", validation_alias=AliasChoices("word", "text"))
    probability: _Number = None


class _Segment(_Lenient):
    start: _Number = None
    end: _Number = None
    text: str | None = None
    avg_logprob: _Measure = None
    no_speech_prob: _Number = None
    compression_ratio: _Measure = None
    words: list[_Word] | None = None
    speaker: str | None = Field(default=None, coerce_numbers_to_str=True)


class _Language(_Lenient):
    code: str


class _Answer(_Lenient):
    text: str | None = None
    language: str | None = None
    languages: list[_Language] | None = None
    duration: _Number = None
    segments: list[_Segment] | None = None
    words: list[_Word] | None = None


def parse_transcription(answer: object, *, model: str, duration: float) -> Transcript:
    """Segments in order of time with `0 <= start <= end <= duration`, each with the words spoken in it.

    `duration` is the clip's length in seconds, or 0 if that is unknown. An answer without times becomes
    one segment over the whole clip. Raises `Problem(ENGINE_BAD_ANSWER)` for what is no transcription.
    """
    read = _read(answer, model)
    length = duration or read.duration or 0.0
    segments = [segment for segment in read.segments or () if (segment.text or "").strip()]
    words = _words(read.words or (), length)
    if any(segment.start is not None or segment.end is not None for segment in segments):
        timed = _with_words(_timed(segments, length), words)
    else:
        timed = _untimed(_whole_text(read, segments, words), words, length)
    return Transcript(language=_language(read), segments=timed)


def _read(answer: object, model: str) -> _Answer:
    try:
        read = _Answer.model_validate(answer)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "answer"
        raise Problem(ErrorCode.ENGINE_BAD_ANSWER, model=model, reason=f"{place}: {first['msg']}") from error
    if read.text is None and read.segments is None and read.words is None:
        raise Problem(ErrorCode.ENGINE_BAD_ANSWER, model=model, reason="it holds no text")
    return read


def _language(read: _Answer) -> str | None:
    detected = read.languages or ()
    return language_code(read.language or (detected[0].code if detected else None))


def _timed(segments: Sequence[_Segment], length: float) -> list[TranscriptSegment]:
    spans = _spans(segments, length)
    timed = (_segment(segment, *span, length) for segment, span in zip(segments, spans, strict=True))
    return sorted(timed, key=lambda segment: (segment.start, segment.end))


def _spans(segments: Sequence[_Segment], length: float) -> list[tuple[float, float]]:
    """Each segment's times; one left out is taken from the neighbour's, the last end from the clip's."""
    starts: list[float] = []
    reached = 0.0
    for segment in segments:
        starts.append(reached if segment.start is None else segment.start)
        reached = starts[-1] if segment.end is None else segment.end
    following = [*starts[1:], length]
    return [
        _within(start, following[index] if segment.end is None else segment.end, length)
        for index, (segment, start) in enumerate(zip(segments, starts, strict=True))
    ]


def _within(start: float, end: float, length: float) -> tuple[float, float]:
    limit = length or math.inf
    start = min(max(start, 0.0), limit)
    return start, min(max(end, start), limit)


def _segment(segment: _Segment, start: float, end: float, length: float) -> TranscriptSegment:
    return TranscriptSegment(
        start=start,
        end=end,
        text=(segment.text or "").strip(),
        average_log_probability=segment.avg_logprob,
        no_speech_probability=segment.no_speech_prob,
        compression_ratio=segment.compression_ratio,
        words=_words(segment.words or (), length),
        speaker=(segment.speaker or "").strip() or None,
    )


def _words(words: Iterable[_Word], length: float) -> tuple[Word, ...]:
    """The words that have times; one without is of no use to anybody."""
    return tuple(
        Word(*_within(word.start, word.end, length), text=word.text.strip(), probability=word.probability)
        for word in words
        if word.start is not None and word.end is not None and word.text.strip()
    )


def _with_words(
    segments: Sequence[TranscriptSegment], words: Sequence[Word]
) -> tuple[TranscriptSegment, ...]:
    """Every word in the segment nearest to its middle, unless the server sorted them already."""
    if not words or any(segment.words for segment in segments):
        return tuple(segments)
    starts = [segment.start for segment in segments]
    spoken: list[list[Word]] = [[] for _ in segments]
    for word in words:
        middle = (word.start + word.end) / 2
        before = max(bisect_right(starts, middle) - 1, 0)
        candidates = range(before, min(before + 2, len(segments)))
        nearest = min(candidates, key=lambda index: _distance(segments[index], middle))
        spoken[nearest].append(word)
    return tuple(replace(segment, words=tuple(own)) for segment, own in zip(segments, spoken, strict=True))


def _distance(segment: TranscriptSegment, time: float) -> float:
    return max(segment.start - time, time - segment.end, 0.0)


def _whole_text(read: _Answer, segments: Sequence[_Segment], words: Sequence[Word]) -> str:
    text = read.text or " ".join((segment.text or "").strip() for segment in segments)
    return text.strip() or " ".join(word.text for word in words)


def _untimed(text: str, words: tuple[Word, ...], length: float) -> tuple[TranscriptSegment, ...]:
    """One segment: from the first word to the last where there are words, otherwise the whole clip."""
    if not text:
        return ()
    start, end = (words[0].start, words[-1].end) if words else (0.0, length)
    return (TranscriptSegment(start=start, end=end, text=text, words=words, untimed=not words),)
