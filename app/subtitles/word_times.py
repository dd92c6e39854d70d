"""Word times, corrected by where the recording has sound."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from app.media.silence import Silence
from app.subtitles.engines.base import TranscriptSegment

PAUSE_SECONDS = 0.1
_RELEASE_SECONDS = 0.04
_LONG_PAUSE_SECONDS = 0.25
_STRAY_SECONDS = 0.08
_EARLY_SECONDS = 0.3
_SHORTEST_SECONDS = 0.1


def settled(segment: TranscriptSegment, pauses: Sequence[Silence]) -> TranscriptSegment:
    """The segment with no word, or without word times not itself, reaching into a pause at its ends.

    Engines let the first word after a pause begin in it, and the last one before it end there. `pauses`
    of at least `PAUSE_SECONDS`, in order. Of a word that lies wholly in a pause, just before the sound, only
    the last tenth of a second is kept; any other such word is left as it is.
    """
    if not segment.words:
        start, end = settled_span(segment.start, segment.end, pauses)
        return replace(segment, start=start, end=end)
    spans = [settled_span(word.start, word.end, pauses) for word in segment.words]
    words = tuple(
        replace(word, start=start, end=end) for word, (start, end) in zip(segment.words, spans, strict=True)
    )
    return replace(segment, start=words[0].start, end=max(word.end for word in words), words=words)


def settled_span(start: float, end: float, pauses: Sequence[Silence]) -> tuple[float, float]:
    """A span of seconds that begins no earlier and ends no later than before, inside the sound."""
    first = max(0, bisect_right(pauses, start, key=lambda pause: pause.start) - 1)
    for pause in pauses[first:]:
        if pause.start >= end:
            break
        stray = _STRAY_SECONDS if pause.length >= _LONG_PAUSE_SECONDS else 0.0
        head, tail = pause.start - start, end - pause.end
        if tail > 0 and (head <= 0 or head <= min(stray, tail)):
            start = max(start, pause.end)
        elif head > 0 and tail <= stray:
            return start, min(end, pause.start + _RELEASE_SECONDS)
        elif head <= 0 and -tail <= _EARLY_SECONDS:
            start = max(start, end - _SHORTEST_SECONDS)
    return start, end
