"""A video's tracks in other languages, each whole."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import utc_now
from app.core.errors import ErrorCode, Problem
from app.subtitles.segments import Segment
from app.subtitles.storage import Turn, turns_of
from app.translation.beside import voiced
from app.translation.models import Translation, TranslationSegment
from app.videos.models import ArtifactKind, Source
from app.videos.storage import publish


@dataclass(frozen=True, slots=True)
class TranslatedTrack:
    """The row and its segments in order of time; their `original_text` is the source line, and their
    `speaker` only who was set on them. `turns` are the original's."""

    row: Translation
    segments: tuple[Segment, ...]
    turns: tuple[Turn, ...] = ()

    @property
    def voiced(self) -> tuple[Segment, ...]:
        """The segments with who speaks them."""
        return voiced(self.segments, self.turns)


async def find_track(session: AsyncSession, video_id: str, language: str) -> TranslatedTrack | None:
    row = await session.get(Translation, (video_id, language))
    if row is None:
        return None
    query = select(TranslationSegment).where(
        TranslationSegment.video_id == video_id, TranslationSegment.language == language
    )
    found = await session.scalars(query.order_by(TranslationSegment.start_time, TranslationSegment.id))
    segments = tuple(_segment(line) for line in found)
    return TranslatedTrack(row, segments, await turns_of(session, video_id))


async def load_track(session: AsyncSession, video_id: str, language: str) -> TranslatedTrack:
    """Raises `Problem(TRANSLATION_NOT_READY)`."""
    track = await find_track(session, video_id, language)
    if track is None:
        raise Problem(ErrorCode.TRANSLATION_NOT_READY, video_id=video_id, language=language)
    return track


async def save_track(
    session: AsyncSession,
    row: Translation,
    segments: Sequence[Segment],
    made_from: Sequence[Source] | None = None,
) -> None:
    """Replaces the track's segments, counts its revision up and shows it on the video, as `publish` does."""
    row.revision = (row.revision or 0) + 1
    row.updated_at = utc_now()
    row.created_at = row.created_at or row.updated_at
    session.add(row)
    await session.flush()
    same = (
        TranslationSegment.video_id == row.video_id,
        TranslationSegment.language == row.target_language,
    )
    await session.execute(delete(TranslationSegment).where(*same))
    if segments:
        await session.execute(insert(TranslationSegment), [_values(row, segment) for segment in segments])
    await publish(session, row.video_id, ArtifactKind.TRANSLATION, row.target_language, made_from)


def _segment(line: TranslationSegment) -> Segment:
    return Segment(
        line.id,
        line.start_time,
        line.end_time,
        line.translated_text,
        original_text=line.source_text,
        speaker=line.speaker,
        shorter=tuple(line.shorter),
    )


def _values(row: Translation, segment: Segment) -> dict[str, object]:
    return {
        "video_id": row.video_id,
        "language": row.target_language,
        "id": segment.id,
        "start_time": segment.start,
        "end_time": segment.end,
        "source_text": segment.original_text,
        "translated_text": segment.text,
        "shorter": list(segment.shorter),
        "speaker": segment.speaker,
    }
