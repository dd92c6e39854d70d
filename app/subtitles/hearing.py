"""What the clips of a recording say, put together."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.media.silence import Clip, Levels, find_silences
from app.subtitles.engines.base import Transcript, TranscriptSegment
from app.subtitles.hallucinations import LeftOut, leave_out_hallucinations
from app.subtitles.laying import laid
from app.subtitles.word_times import PAUSE_SECONDS, settled


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard in the whole video; `language` is that of most of the speech.

    `left_out` is what the engine wrote but nobody said.
    """

    language: str | None
    segments: tuple[TranscriptSegment, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def has_estimated_times(self) -> bool:
        return any(segment.untimed for segment in self.segments)


def understand(
    clips: Sequence[Clip], transcripts: Sequence[Transcript], levels: Levels, duration: float
) -> Hearing:
    """Clip times become times on the video's clock; what nobody said is left out, and of the rest what has
    no times is laid onto the sound."""
    several = len(clips) > 1
    joined = [
        _shifted(heard, clip.start, str(number) if several else "")
        for number, (clip, transcript) in enumerate(zip(clips, transcripts, strict=True), start=1)
        for heard in transcript.segments
    ]
    judged = leave_out_hallucinations(joined, levels, duration)
    pauses = find_silences(levels, minimum=PAUSE_SECONDS)
    kept = tuple(settled(laid(segment, pauses), pauses) for segment in judged.kept)
    return Hearing(_language(clips, transcripts, kept), kept, judged.left_out)


def overheard(number: int, clip: Clip, transcript: Transcript) -> tuple[TranscriptSegment, ...]:
    """What a clip says, on the video's clock, before the others are heard; nothing is left out yet."""
    return tuple(_shifted(heard, clip.start, str(number)) for heard in transcript.segments)


def _shifted(segment: TranscriptSegment, offset: float, clip_label: str) -> TranscriptSegment:
    """An engine's labels for speakers mean nothing beyond their clip: where there are several, each label
    begins with its clip's."""
    return replace(
        segment,
        start=segment.start + offset,
        end=segment.end + offset,
        words=tuple(
            replace(word, start=word.start + offset, end=word.end + offset) for word in segment.words
        ),
        speaker=segment.speaker and clip_label + segment.speaker,
    )


def _language(
    clips: Sequence[Clip], transcripts: Sequence[Transcript], kept: Sequence[TranscriptSegment]
) -> str | None:
    """The one that was spoken longest."""
    seconds: Counter[str] = Counter()
    starts = [clip.start for clip in clips]
    for segment in kept:
        language = transcripts[max(0, bisect_right(starts, segment.start) - 1)].language
        if language is not None:
            seconds[language] += round(1000 * (segment.end - segment.start))
    return seconds.most_common(1)[0][0] if seconds else None
