"""VideoStorage: the rows and object keys of videos."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import utc_now
from app.core.errors import ErrorCode, Problem
from app.jobs.models import ACTIVE, Job, JobType
from app.memo.eviction import condemn_those_of
from app.memo.models import MemoUse
from app.videos.models import Artifact, ArtifactKind, Source, Video, VideoStatus, sources_to_json


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


async def list_videos(
    session: AsyncSession,
    shown: ColumnElement[bool],
    limit: int,
    before: str | None,
    reference: str | None,
) -> Sequence[Video]:
    """Those that are `shown`, newest first; `before` is the id of the last video of the page before."""
    query = select(Video).where(shown).order_by(Video.id.desc()).limit(limit)
    if reference is not None:
        query = query.where(Video.reference == reference)
    if before is not None:
        query = query.where(Video.id < before)
    return (await session.scalars(query)).all()


async def video_ids(session: AsyncSession) -> set[str]:
    return set(await session.scalars(select(Video.id)))


async def forget_uses(session: AsyncSession, now: datetime) -> None:
    """By videos that are gone, of the memo: what still ran for them may have noted some after that."""
    unknown = select(MemoUse.video_id).where(~exists().where(Video.id == MemoUse.video_id)).distinct()
    for video_id in (await session.scalars(unknown)).all():
        await condemn_those_of(session, video_id)


async def is_being_cut(session: AsyncSession, video: Video) -> bool:
    """Whether a task is at work, or waits, to make the video's file."""
    cuts = exists().where(
        Job.video_id == video.id, Job.job_type == JobType.VIDEO_TRIM, Job.status.in_(ACTIVE)
    )
    return bool(await session.scalar(select(cuts)))


async def shown_status(session: AsyncSession, video: Video) -> VideoStatus:
    """A video without a file that nobody is making has failed; a retry of its task mends that."""
    if video.path is not None or await is_being_cut(session, video):
        return video.status
    return VideoStatus.FAILED


async def artifacts_of(session: AsyncSession, video_id: str) -> Sequence[Artifact]:
    query = select(Artifact).where(Artifact.video_id == video_id).order_by(Artifact.language)
    return (await session.scalars(query)).all()


async def find_artifact(
    session: AsyncSession, video_id: str, kind: ArtifactKind, language: str | None = None
) -> Artifact | None:
    """There is one original track, in whatever language."""
    query = select(Artifact).where(Artifact.video_id == video_id, Artifact.kind == kind)
    if kind is not ArtifactKind.SUBTITLES:
        query = query.where(Artifact.language == language)
    return (await session.scalars(query)).one_or_none()


async def publish(
    session: AsyncSession,
    video_id: str,
    kind: ArtifactKind,
    language: str,
    made_from: Sequence[Source] | None = None,
) -> None:
    """Shows on the video that there is a new revision of a track or a dubbed version. What is only changed
    was made from what it was made from before (`made_from` None)."""
    old = await find_artifact(session, video_id, kind, language)
    sources = sources_to_json(made_from) if made_from is not None else old.made_from if old else []
    revision = old.revision + 1 if old else 1
    if old is not None:
        await session.delete(old)
        await session.flush()
    session.add(
        Artifact(
            video_id=video_id,
            kind=kind,
            language=language,
            revision=revision,
            made_from=sources,
            updated_at=utc_now(),
        )
    )
    video = await get_video(session, video_id)
    if video.status is VideoStatus.UPLOADED:
        video.status = VideoStatus.PROCESSED
