"""VideoStorage: the rows and object keys of videos."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import utc_now
from app.core.errors import ErrorCode, Problem
from app.videos.models import Artifact, ArtifactKind, Video, VideoStatus


def folder(video_id: str) -> str:
    """The prefix of all objects of a video."""
    return f"videos/{video_id}/"


def upload_key(video_id: str) -> str:
    return f"{folder(video_id)}upload"


async def get_video(session: AsyncSession, video_id: str) -> Video:
    """Raises `Problem(VIDEO_NOT_FOUND)`."""
    video = await session.get(Video, video_id)
    if video is None:
        raise Problem(ErrorCode.VIDEO_NOT_FOUND, video_id=video_id)
    return video


async def list_videos(session: AsyncSession, limit: int, before: str | None) -> Sequence[Video]:
    """Newest first; `before` is the id of the last video of the page before."""
    query = select(Video).order_by(Video.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Video.id < before)
    return (await session.scalars(query)).all()


async def video_ids(session: AsyncSession) -> set[str]:
    return set(await session.scalars(select(Video.id)))


async def artifacts_of(session: AsyncSession, video_id: str) -> Sequence[Artifact]:
    query = select(Artifact).where(Artifact.video_id == video_id).order_by(Artifact.language)
    return (await session.scalars(query)).all()


async def publish(session: AsyncSession, video_id: str, kind: ArtifactKind, language: str) -> None:
    """Shows on the video that a track or a dubbed version is there. There is one original track: a new
    one takes the old one's place."""
    if kind is ArtifactKind.SUBTITLES:
        same = delete(Artifact).where(Artifact.video_id == video_id, Artifact.kind == kind)
        await session.execute(same)
    await session.merge(Artifact(video_id=video_id, kind=kind, language=language, updated_at=utc_now()))
    video = await get_video(session, video_id)
    if video.status is VideoStatus.UPLOADED:
        video.status = VideoStatus.PROCESSED
