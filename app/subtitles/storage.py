"""SubtitleStorage: the original track of a video, whole."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import utc_now
from app.core.errors import ErrorCode, Problem
from app.subtitles.engines.base import Word
from app.subtitles.models import Subtitles, SubtitleSegment
from app.subtitles.segments import Segment
from app.videos.models import ArtifactKind
from app.videos.storage import publish

_WORDS = TypeAdapter(tuple[Word, ...])
_SEGMENTS = TypeAdapter(tuple[Segment, ...])


@dataclass(frozen=True, slots=True)
class OriginalTrack:
    """The row and its segments in order of time."""

    row: Subtitles
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """Who speaks from `start` to `end`, in seconds; None where nobody is named."""

    start: float
    end: float
    speaker: str | None


async def find_track(session: AsyncSession, video_id: str) -> OriginalTrack | None:
    row = await session.get(Subtitles, video_id)
    if row is None:
        return None
    query = select(SubtitleSegment).where(SubtitleSegment.video_id == video_id)
    found = await session.scalars(query.order_by(SubtitleSegment.start_time, SubtitleSegment.id))
    return OriginalTrack(row, tuple(_segment(line) for line in found))


async def load_track(session: AsyncSession, video_id: str) -> OriginalTrack:
    """Raises `Problem(SUBTITLES_NOT_READY)`."""
    track = await find_track(session, video_id)
    if track is None:
        raise Problem(ErrorCode.SUBTITLES_NOT_READY, video_id=video_id)
    return track


async def turns_of(session: AsyncSession, video_id: str) -> tuple[Turn, ...]:
    """In order of time; none at all if nobody is named."""
    line = SubtitleSegment
    query = select(line.start_time, line.end_time, line.speaker).where(line.video_id == video_id)
    found = await session.execute(query.order_by(line.start_time, line.id))
    turns = tuple(Turn(*row) for row in found.all())
    return turns if any(turn.speaker for turn in turns) else ()


async def save_track(session: AsyncSession, row: Subtitles, segments: Sequence[Segment]) -> None:
    """Replaces the track's segments, counts its revision up and shows it on the video."""
    row.revision = (row.revision or 0) + 1
    row.updated_at = utc_now()
    row.created_at = row.created_at or row.updated_at
    session.add(row)
    await session.flush()
    await session.execute(delete(SubtitleSegment).where(SubtitleSegment.video_id == row.video_id))
    if segments:
        await session.execute(insert(SubtitleSegment), [_values(row.video_id, line) for line in segments])
    await publish(session, row.video_id, ArtifactKind.SUBTITLES, row.language)


def segments_to_json(segments: Sequence[Segment]) -> list[dict[str, object]]:
    data: list[dict[str, object]] = _SEGMENTS.dump_python(tuple(segments), mode="json")
    return data


def segments_from_json(data: Sequence[dict[str, object]]) -> tuple[Segment, ...]:
    """In order of time."""
    return tuple(sorted(_SEGMENTS.validate_python(data), key=lambda segment: segment.start))


def _segment(line: SubtitleSegment) -> Segment:
    words = _WORDS.validate_python(line.words)
    return Segment(
        line.id, line.start_time, line.end_time, line.text, line.confidence, words, speaker=line.speaker
    )


def _values(video_id: str, segment: Segment) -> dict[str, object]:
    return {
        "video_id": video_id,
        "id": segment.id,
        "start_time": segment.start,
        "end_time": segment.end,
        "text": segment.text,
        "confidence": segment.confidence,
        "speaker": segment.speaker,
        "words": _WORDS.dump_python(segment.words, mode="json"),
    }
