"""Generated speech as the API tells it."""

from app.core.errors import Problem
from app.core.locales import Catalogue
from app.jobs.schemas import TaskError
from app.tts.models import SpeechSegment
from app.tts.schemas import FullAudio, SpeechTrack, SpokenSegment
from app.tts.storage import SpokenTrack, delivery_of, failure_of
from app.videos.revisions import Lineage


def present(track: SpokenTrack, line: Lineage, base: str, texts: Catalogue) -> SpeechTrack:
    """With links below `base` and errors in the language of `texts`."""
    row = track.row
    here = f"{base}/api/videos/{row.video_id}"
    return SpeechTrack(
        video_id=row.video_id,
        language=row.language,
        voice_id=row.voice_id,
        voices=row.voices,
        model_used=row.model_used,
        audio_format=row.audio_format,
        revision=line.revision,
        stale=line.stale,
        made_from=list(line.made_from),
        segments=[
            _present_segment(segment, f"{here}/tts/{row.language}/segments/{segment.id}/audio", texts)
            for segment in track.segments
        ],
        full_audio=FullAudio(
            url=f"{here}/audio?language={row.language}", duration=row.duration, created_at=row.updated_at
        ),
    )


def _present_segment(segment: SpeechSegment, url: str, texts: Catalogue) -> SpokenSegment:
    delivery, failure = delivery_of(segment), failure_of(segment)
    return SpokenSegment(
        id=segment.id,
        start=segment.start_time,
        end=segment.end_time,
        url=None if failure else url,
        duration=segment.duration,
        natural_duration=segment.natural_duration,
        text=segment.text,
        translated_text=segment.translated_text or segment.text,
        speaker=delivery.speaker,
        voice_id=delivery.voice_id,
        placed_start=segment.placed_start,
        speed=segment.speed,
        borrowed=segment.borrowed,
        moved=segment.moved,
        overflow=segment.overflow,
        attempts=segment.attempts,
        rewrites=segment.rewrites,
        cost=segment.cost,
        failed=failure is not None,
        error=failure and _present_error(failure, texts),
    )


def _present_error(failure: Problem, texts: Catalogue) -> TaskError:
    text = texts.error(failure.code, failure.details)
    return TaskError(code=failure.code, message=text.detail, next=text.next)
