"""AudioStorage: the generated speech of a video in a language, whole."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import utc_now
from app.core.errors import ErrorCode, Problem
from app.tts.models import Speech, SpeechSegment
from app.videos.models import ArtifactKind
from app.videos.storage import publish


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one segment is spoken. `take` counts how often it was asked for again, so that the memo does
    not answer with the take before."""

    voice_id: str
    speaking_rate: float
    pitch: float
    volume_gain_db: float
    take: int = 0


_DELIVERY = TypeAdapter(Delivery)


@dataclass(frozen=True, slots=True)
class SpokenTrack:
    """The row and its segments in order of time."""

    row: Speech
    segments: tuple[SpeechSegment, ...]


async def load_speech_row(session: AsyncSession, video_id: str, language: str) -> Speech:
    """Raises `Problem(SPEECH_NOT_READY)`."""
    row = await session.get(Speech, (video_id, language))
    if row is None:
        raise Problem(ErrorCode.SPEECH_NOT_READY, video_id=video_id, language=language)
    return row


async def load_speech(session: AsyncSession, video_id: str, language: str) -> SpokenTrack:
    """Raises `Problem(SPEECH_NOT_READY)`."""
    row = await load_speech_row(session, video_id, language)
    query = select(SpeechSegment).where(
        SpeechSegment.video_id == video_id, SpeechSegment.language == language
    )
    return SpokenTrack(row, tuple(await session.scalars(query.order_by(SpeechSegment.start_time))))


async def save_speech(session: AsyncSession, row: Speech, segments: Sequence[SpeechSegment]) -> None:
    """Replaces the track and shows it on the video; the replaced objects are the caller's to delete."""
    row.updated_at = utc_now()
    same = (SpeechSegment.video_id == row.video_id, SpeechSegment.language == row.language)
    await session.execute(delete(SpeechSegment).where(*same))
    await session.merge(row)
    await session.flush()
    session.add_all(segments)
    await publish(session, row.video_id, ArtifactKind.SPEECH, row.language)


def delivery_of(segment: SpeechSegment) -> Delivery:
    return _DELIVERY.validate_python(segment.delivery)


def delivery_to_json(delivery: Delivery) -> dict[str, object]:
    data: dict[str, object] = _DELIVERY.dump_python(delivery, mode="json")
    return data
