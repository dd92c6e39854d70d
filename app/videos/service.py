"""VideoProcessor: what can be done with a video itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.log import Witness, note, was_noted
from app.audit.models import Action
from app.core.database import Database, after_commit, take_turn, utc_now
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.core.languages import AUTO
from app.core.paging import Page, PageRequest
from app.idempotency.models import IdempotencyKey
from app.idempotency.storage import forget_answers
from app.jobs.models import Job, JobType
from app.jobs.scheduler import JobScheduler
from app.jobs.task import Workload
from app.media.ffmpeg import FFmpegWrapper
from app.media.probe import MediaInfo
from app.memo import Memo
from app.projects.access import held_in, project_of
from app.projects.quotas import count, empty, hold
from app.storage.manager import StorageManager, StoredObject
from app.storage.processor import FileProcessor
from app.videos import storage as rows
from app.videos.editing import preview, thumbnail
from app.videos.metadata import VideoMetadata
from app.videos.models import Video, VideoStatus
from app.videos.schemas import TrimRequest
from app.videos.upload import ReceivedFile

POLLING_SECONDS = 0.2
CUT_SECONDS_PER_SECOND = 0.4
SHORTEST_CUT = 0.1
LOOKING_SECONDS = 120.0
ONE_DOWNLOAD = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A video's file, private to a piece of work. `key` is that of its object, which never changes."""

    path: Path
    info: MediaInfo
    key: str


class VideoProcessor:
    """Registers, lists, cuts and deletes videos, and hands their files to the stages."""

    def __init__(
        self,
        database: Database,
        storage: StorageManager,
        files: FileProcessor,
        scheduler: JobScheduler,
        ffmpeg: FFmpegWrapper,
        memo: Memo,
    ) -> None:
        self._database = database
        self._storage = storage
        self._files = files
        self._scheduler = scheduler
        self._ffmpeg = ffmpeg
        self._memo = memo

    async def register(
        self,
        session: AsyncSession,
        project_id: str,
        video_id: str,
        key: str,
        received: ReceivedFile,
        metadata: VideoMetadata,
    ) -> Video:
        """A row for a file that is in storage under `key`, in a project."""
        video = Video(
            id=video_id,
            filename=received.filename,
            title=received.metadata.title or _title_of(received.filename),
            description=received.metadata.description,
            source_language=received.metadata.source_language,
            reference=received.metadata.reference,
            duration=metadata.duration,
            file_size=metadata.file_size,
            format=metadata.format,
            resolution=metadata.resolution,
            media=metadata.media,
            path=key,
        )
        session.add(video)
        await hold(session, project_id, video_id, metadata.duration)
        await count(session, video_id, {key: metadata.file_size})
        return video

    async def page(
        self,
        session: AsyncSession,
        shown: ColumnElement[bool],
        paging: PageRequest,
        reference: str | None,
    ) -> Page[Video]:
        """Of the videos that are `shown`. Raises `Problem(INVALID_CURSOR)`."""
        found = await rows.list_videos(session, shown, paging.rows, paging.before("vid"), reference)
        return paging.page(found, lambda video: video.id)

    async def trim(
        self, session: AsyncSession, video_id: str, request: TrimRequest
    ) -> tuple[Video, Video, Job]:
        """The source, the new video and the task that makes its file. Raises `Problem(INVALID_RANGE)`."""
        project_id = await held_in(session, video_id)
        await take_turn(session, project_id)
        source = await rows.get_video(session, video_id)
        _check_range(request, source.duration)
        length = round(request.end_time - request.start_time, 3)
        trimmed = _cut_row(source, length)
        session.add(trimmed)
        await hold(session, project_id, trimmed.id, length)
        job = await self._scheduler.start(
            session,
            JobType.VIDEO_TRIM,
            trimmed.id,
            TrimTask(source_id=source.id, start_time=request.start_time, end_time=request.end_time),
            "trim",
            Workload(length, "video_trim", CUT_SECONDS_PER_SECOND),
            request,
        )
        return source, trimmed, job

    async def delete(self, session: AsyncSession, video_id: str, who: Witness) -> None:
        """With everything made from it; running jobs end first."""
        await take_turn(session, video_id)
        video = await rows.get_video(session, video_id)
        await self._scheduler.cancel_all(session, video_id)
        await session.delete(video)
        await self._memo.forget(session, video_id)
        await forget_answers(session, IdempotencyKey.about == video_id)
        await empty(session, video_id)
        note(session, who, Action.VIDEO_DELETED, video_id, await project_of(session, video_id))
        self._storage.mark(rows.folder(video_id))
        after_commit(session, partial(self._storage.discard, rows.folder(video_id)))

    async def note_download(self, video_id: str, who: Witness) -> None:
        """That somebody was given the file, once in an hour: players ask for many ranges."""
        async with self._database.read() as session:
            if await was_noted(session, who, Action.ORIGINAL_DOWNLOADED, video_id, utc_now() - ONE_DOWNLOAD):
                return
        async with self._database.write() as session:
            project_id = await project_of(session, video_id)
            note(session, who, Action.ORIGINAL_DOWNLOADED, video_id, project_id)

    async def source(self, video_id: str, folder: Path) -> SourceFile:
        """The video's file in `folder`; waits for a cut that is still being made.

        Raises `Problem(VIDEO_NOT_FOUND)` or, if the cut failed, `Problem(VIDEO_NOT_READY)`.
        """
        video = await self.ready(video_id)
        key = key_of(video)
        return SourceFile(await self._storage.fetch(key, folder), video.info, key)

    async def ready(self, video_id: str, patience: float | None = None) -> Video:
        """The video once it has a file; gives up after `patience` seconds if that is given."""
        deadline = None if patience is None else asyncio.get_running_loop().time() + patience
        while True:
            async with self._database.read() as session:
                video = await rows.get_video(session, video_id)
                if video.path is not None:
                    return video
                cutting = await rows.is_being_cut(session, video)
            if not cutting or (deadline is not None and asyncio.get_running_loop().time() > deadline):
                raise Problem(ErrorCode.VIDEO_NOT_READY, video_id=video_id)
            await asyncio.sleep(POLLING_SECONDS)

    async def thumbnail_key(self, video: Video) -> str:
        """The key of a JPEG of the video, made on first request."""
        return await self._derived(video, "thumbnail.jpg", self._thumbnail)

    async def preview_key(self, video: Video) -> str:
        """The key of a small MP4 of the video's first minute, made on first request."""
        return await self._derived(video, "preview.mp4", self._preview)

    async def _derived(self, video: Video, name: str, make: Callable[[Video, Path], Awaitable[Path]]) -> str:
        """Raises `Problem(VIDEO_NOT_FOUND)` if the video was deleted meanwhile; nothing is left of it."""
        key = f"{rows.folder(video.id)}{name}"
        return await self._files.derived(key, partial(make, video), partial(self._count, video.id))

    async def _count(self, video_id: str, stored: StoredObject) -> None:
        async with self._database.write() as session:
            await take_turn(session, video_id)
            if await session.get(Video, video_id) is not None:
                await count(session, video_id, {stored.key: stored.size})
                return
        await self._storage.discard(rows.folder(video_id))
        raise Problem(ErrorCode.VIDEO_NOT_FOUND, video_id=video_id)

    async def _thumbnail(self, video: Video, scratch: Path) -> Path:
        out = scratch / "thumbnail.jpg"
        source = await self._storage.fetch(key_of(video), scratch)
        async with _looked_at():
            await thumbnail(self._ffmpeg, source, video.info, out)
        return out

    async def _preview(self, video: Video, scratch: Path) -> Path:
        out = scratch / "preview.mp4"
        source = await self._storage.fetch(key_of(video), scratch)
        async with _looked_at():
            await preview(self._ffmpeg, source, video.info, out)
        return out


@asynccontextmanager
async def _looked_at() -> AsyncIterator[None]:
    """What FFmpeg makes nothing of, or not in the time of a request, is the file's fault."""
    try:
        async with asyncio.timeout(LOOKING_SECONDS):
            yield
    except TimeoutError:
        reason = f"it takes more than {LOOKING_SECONDS:g} s to look at"
        raise Problem(ErrorCode.VIDEO_UNREADABLE, reason=reason) from None
    except Problem as problem:
        if problem.code is not ErrorCode.FFMPEG_FAILED:
            raise
        raise Problem.recorded(ErrorCode.VIDEO_UNREADABLE, problem.details) from problem


class TrimTask(TrimRequest):
    """What the job of a trim is told: which video to cut from."""

    source_id: str


def key_of(video: Video) -> str:
    if video.path is None:
        raise Problem(ErrorCode.VIDEO_NOT_READY, video_id=video.id)
    return video.path


def _cut_row(source: Video, length: float) -> Video:
    return Video(
        id=new_id("vid"),
        filename=source.filename,
        title=source.title,
        description=source.description,
        source_language=source.source_language,
        detected_language=source.detected_language if source.source_language == AUTO else None,
        duration=length,
        file_size=0,
        format=source.format,
        resolution=source.resolution,
        media=source.media,
        status=VideoStatus.PROCESSING,
        path=None,
    )


def _check_range(request: TrimRequest, duration: float) -> None:
    if request.end_time <= request.start_time:
        raise Problem(
            ErrorCode.INVALID_RANGE, field="end_time", reason="end_time <= start_time", duration=duration
        )
    if request.end_time - request.start_time < SHORTEST_CUT:
        reason = f"end_time - start_time < {SHORTEST_CUT:g}"
        raise Problem(ErrorCode.INVALID_RANGE, field="end_time", reason=reason, duration=duration)
    if request.end_time > duration:
        reason = f"end_time {request.end_time:g} > {duration:g}"
        raise Problem(ErrorCode.INVALID_RANGE, field="end_time", reason=reason, duration=duration)


def _title_of(filename: str) -> str:
    return filename.rsplit(".", 1)[0] or filename
