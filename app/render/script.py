"""What a dub is made from besides the video: what is spoken where, and what is shown meanwhile."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy.ext.asyncio import AsyncSession

from app.render.ducking import Span
from app.render.measuring import PlannedClip
from app.render.parts import VoiceLine
from app.subtitles.cues import Cue
from app.subtitles.segments import Segment
from app.translation.storage import find_track
from app.tts.models import SpeechSegment
from app.tts.storage import SpokenTrack, load_speech
from app.videos.models import ArtifactKind, Source
from app.videos.storage import find_artifact


@dataclass(frozen=True, slots=True)
class DubScript:
    """One language of a dub; the `cues` in order of time. `speech` and `translation` are what is spoken and
    shown, in their revisions."""

    language: str
    spoken: SpokenTrack
    cues: tuple[Cue, ...]
    speech: Source
    translation: Source | None

    @property
    def lines(self) -> tuple[VoiceLine, ...]:
        return tuple(_voice_line(segment) for segment in self.spoken.segments)


async def load_script(session: AsyncSession, video_id: str, language: str, duration: float) -> DubScript:
    """`duration` is the video's, in seconds. Raises `Problem(SPEECH_NOT_READY)`."""
    spoken = await load_speech(session, video_id, language)
    translation = await find_track(session, video_id, language)
    segments = translation.segments if translation is not None else ()
    speech = await find_artifact(session, video_id, ArtifactKind.SPEECH, language)
    return DubScript(
        language,
        spoken,
        shown_cues(segments, spoken.segments, duration),
        Source(ArtifactKind.SPEECH, language, speech.revision if speech else 0),
        Source(ArtifactKind.TRANSLATION, language, translation.row.revision) if translation else None,
    )


def shown_cues(
    segments: Sequence[Segment], spoken: Sequence[SpeechSegment], duration: float
) -> tuple[Cue, ...]:
    """The lines of a translation as they are spoken, or as they read now where they were edited since.

    A line stands for its own time and on while it is spoken, but neither into the next nor past the
    video's end.
    """
    voices = {voice.id: voice for voice in spoken}
    cues = [_cue(segment, voices.get(segment.id)) for segment in segments if segment.start < duration]
    return tuple(_in_turn(cues, segments, duration))


def _cue(segment: Segment, voice: SpeechSegment | None) -> Cue:
    if voice is None:
        return Cue(segment.start, segment.end, segment.text)
    text = voice.text if voice.translated_text == segment.text else segment.text
    spoken_until = voice.placed_start + voice.duration if voice.clip is not None else segment.end
    return Cue(segment.start, max(segment.end, spoken_until), text)


def _in_turn(cues: Sequence[Cue], segments: Sequence[Segment], duration: float) -> Iterator[Cue]:
    """Only what was added to a line's own time gives way to the next line."""
    for (cue, following), segment in zip(pairwise((*cues, None)), segments, strict=False):
        if cue is not None:
            next_start = duration if following is None else following.start
            yield Cue(cue.start, min(duration, max(segment.end, min(cue.end, next_start))), cue.text)


def _voice_line(segment: SpeechSegment) -> VoiceLine:
    return VoiceLine(Span(segment.start_time, segment.end_time), _planned_clip(segment))


def _planned_clip(segment: SpeechSegment) -> PlannedClip | None:
    if segment.clip is None:
        return None
    return PlannedClip(segment.id, segment.clip, segment.placed_start, segment.duration)
