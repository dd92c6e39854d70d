"""Videos over HTTP."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from app.audit.log import Who
from app.core.caller import Identified
from app.core.database import ReadSession, WriteSession, concerns
from app.core.errors import ErrorCode
from app.core.identifiers import new_id
from app.core.links import BaseUrl
from app.core.openapi import CREATED, files, problems
from app.core.paging import Paging
from app.core.resources import owned
from app.core.schemas import ProjectId, Reference, VideoId
from app.idempotency.claim import RepeatableRoute
from app.jobs.presenter import present_video_job
from app.jobs.schemas import VideoJobs
from app.jobs.storage import jobs_of
from app.media.formats import mime_type
from app.projects.access import (
    FILE_READERS,
    READERS,
    VIDEO_MAKERS,
    VIDEO_READERS,
    VIDEO_WRITERS,
    WRITERS,
    OwnDatabase,
    held_in,
    videos_within_reach,
)
from app.projects.quotas import Room, check_room
from app.projects.service import expected_room, held_destination
from app.storage.manager import StorageManager
from app.storage.responses import object_response
from app.storage.validator import FileValidator
from app.videos import storage as rows
from app.videos.metadata import read_metadata
from app.videos.models import Artifact, ArtifactKind, Video, VideoStatus
from app.videos.revisions import Lineage, lineage
from app.videos.schemas import (
    SubtitleLinks,
    TrackLink,
    TrimmedVideo,
    TrimRequest,
    VideoDetails,
    VideoPage,
    VideoSummary,
)
from app.videos.service import VideoProcessor, key_of
from app.videos.upload import UPLOAD_BODY, receive_upload

router = APIRouter(prefix="/api/videos", tags=["videos"], route_class=RepeatableRoute)

Processor = Annotated[VideoProcessor, Depends(owned(VideoProcessor))]
Storage = Annotated[StorageManager, Depends(owned(StorageManager))]
Validator = Annotated[FileValidator, Depends(owned(FileValidator))]

CUT_PATIENCE = 60.0


async def _new_video_id(storage: Storage) -> AsyncIterator[str]:
    """What is stored for it stays only if the request's transaction is committed."""
    video_id = new_id("vid")
    async with storage.provisional(rows.folder(video_id)):
        yield video_id


# Before the session among the parameters, or it would end before the commit.
NewVideoId = Annotated[str, Depends(_new_video_id, scope="function")]


@router.post(
    "/upload",
    operation_id="uploadVideo",
    summary="Upload a video",
    dependencies=[WRITERS],
    status_code=201,
    openapi_extra=UPLOAD_BODY,
    responses=CREATED
    | problems(
        ErrorCode.QUOTA_REACHED,
        ErrorCode.UPLOAD_TOO_LARGE,
        ErrorCode.NOT_A_VIDEO,
        ErrorCode.VIDEO_UNREADABLE,
        ErrorCode.INVALID_UPLOAD,
        ErrorCode.STORAGE_FULL,
        ErrorCode.STORAGE_UNREACHABLE,
        ErrorCode.STORAGE_REFUSED,
    ),
)
async def upload_video(
    request: Request,
    response: Response,
    video_id: NewVideoId,
    caller: Identified,
    database: OwnDatabase,
    session: WriteSession,
    processor: Processor,
    storage: Storage,
    validator: Validator,
) -> VideoSummary:
    """The file is stored as it arrives and probed at once; what is not a video is refused and forgotten. Name
    the project before the file, and what has no room there is refused before it is sent."""

    async def room_for(named: str | None) -> Room:
        async with database.read() as before:  # the request's own transaction is for afterwards
            return await expected_room(before, caller, named)

    key = rows.upload_key(video_id)
    received = await receive_upload(request, storage, validator, key, room_for)
    metadata = await read_metadata(storage, key)
    project_id = await held_destination(session, caller, received.metadata.project_id)
    await check_room(session, project_id, metadata.file_size)
    video = await processor.register(session, project_id, video_id, key, received, metadata)
    concerns(request, video.id)
    response.headers["Location"] = f"/api/videos/{video.id}"
    return _summary(video, video.status)


@router.get(
    "",
    operation_id="listVideos",
    summary="List videos",
    dependencies=[READERS],
    responses=problems(ErrorCode.INVALID_CURSOR),
)
async def list_videos(
    caller: Identified,
    session: ReadSession,
    processor: Processor,
    paging: Paging,
    reference: Annotated[Reference | None, Query(description="Only videos with this reference.")] = None,
    project_id: Annotated[ProjectId | None, Query(description="Only videos in this one.")] = None,
) -> VideoPage:
    """Those in your projects, newest first."""
    shown = videos_within_reach(caller, Video.id, project_id)
    page = await processor.page(session, shown, paging, reference)
    videos = [_summary(video, await rows.shown_status(session, video)) for video in page.rows]
    return VideoPage(videos=videos, next_cursor=page.next_cursor)


@router.get(
    "/{video_id}",
    operation_id="getVideo",
    summary="A video with everything made from it",
    dependencies=[VIDEO_READERS],
    responses=problems(ErrorCode.VIDEO_NOT_FOUND),
)
async def get_video(video_id: VideoId, session: ReadSession, base: BaseUrl) -> VideoDetails:
    """Metadata, links to the file, thumbnail and preview, subtitle tracks and dubbed versions."""
    video = await rows.get_video(session, video_id)
    status = await rows.shown_status(session, video)
    project_id = await held_in(session, video_id)
    return _details(video, project_id, status, await rows.artifacts_of(session, video_id), base)


@router.delete(
    "/{video_id}",
    operation_id="deleteVideo",
    summary="Delete a video",
    dependencies=[VIDEO_WRITERS],
    status_code=204,
    response_description="It is gone.",
    responses=problems(ErrorCode.VIDEO_NOT_FOUND),
)
async def delete_video(video_id: VideoId, session: WriteSession, processor: Processor, who: Who) -> None:
    """With everything made from it. Its running tasks are cancelled first."""
    await processor.delete(session, video_id, who)


@router.post(
    "/{video_id}/trim",
    operation_id="trimVideo",
    summary="Cut a part out as a new video",
    dependencies=[VIDEO_MAKERS],
    status_code=201,
    responses=CREATED
    | problems(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.VIDEO_NOT_FOUND,
        ErrorCode.INVALID_RANGE,
        ErrorCode.QUOTA_REACHED,
    ),
)
async def trim_video(
    video_id: VideoId, body: TrimRequest, response: Response, session: WriteSession, processor: Processor
) -> TrimmedVideo:
    """Answers at once with a new video that is exact to the frame. Its file is made by the task
    `task_id`; whatever is started on the new video waits for it."""
    source, trimmed, job = await processor.trim(session, video_id, body)
    response.headers["Location"] = f"/api/videos/{trimmed.id}"
    return TrimmedVideo(
        video_id=source.id,
        trimmed_video_id=trimmed.id,
        original_duration=source.duration,
        trimmed_duration=trimmed.duration,
        start_time=body.start_time,
        end_time=body.end_time,
        status="trimmed",
        task_id=job.id,
    )


@router.get(
    "/{video_id}/jobs",
    operation_id="listVideoJobs",
    summary="All tasks of a video",
    dependencies=[VIDEO_READERS],
    tags=["tasks"],
    responses=problems(ErrorCode.VIDEO_NOT_FOUND),
)
async def list_video_jobs(video_id: VideoId, session: ReadSession) -> VideoJobs:
    """In the order they were started."""
    await rows.get_video(session, video_id)
    jobs = await jobs_of(session, video_id)
    return VideoJobs(video_id=video_id, jobs=[present_video_job(job) for job in jobs])


@router.get(
    "/{video_id}/file",
    operation_id="getVideoFile",
    summary="The video file",
    dependencies=[FILE_READERS],
    response_class=Response,
    responses=problems(ErrorCode.VIDEO_NOT_FOUND, ErrorCode.VIDEO_NOT_READY) | files("The video", "video/*"),
)
@router.head("/{video_id}/file", include_in_schema=False, dependencies=[FILE_READERS])
async def get_video_file(
    request: Request, video_id: VideoId, processor: Processor, storage: Storage, who: Who
) -> Response:
    """As it was uploaded or cut. Waits up to a minute for a cut that is being made."""
    video = await processor.ready(video_id, CUT_PATIENCE)
    if request.method == "GET":
        await processor.note_download(video_id, who)
    return await object_response(request, storage, key_of(video), mime_type(video.info.container))


@router.get(
    "/{video_id}/preview",
    operation_id="getVideoPreview",
    summary="A small preview",
    dependencies=[FILE_READERS],
    response_class=Response,
    responses=problems(ErrorCode.VIDEO_NOT_FOUND, ErrorCode.VIDEO_NOT_READY, ErrorCode.VIDEO_UNREADABLE)
    | files("The preview", "video/mp4"),
)
@router.head("/{video_id}/preview", include_in_schema=False, dependencies=[FILE_READERS])
async def get_video_preview(
    request: Request, video_id: VideoId, processor: Processor, storage: Storage
) -> Response:
    """The first minute as 360p MP4; made when it is first asked for."""
    video = await processor.ready(video_id, CUT_PATIENCE)
    return await object_response(request, storage, await processor.preview_key(video), "video/mp4")


@router.get(
    "/{video_id}/thumbnail",
    operation_id="getVideoThumbnail",
    summary="A still picture",
    dependencies=[FILE_READERS],
    response_class=Response,
    responses=problems(ErrorCode.VIDEO_NOT_FOUND, ErrorCode.VIDEO_NOT_READY, ErrorCode.VIDEO_UNREADABLE)
    | files("The picture", "image/jpeg"),
)
@router.head("/{video_id}/thumbnail", include_in_schema=False, dependencies=[FILE_READERS])
async def get_video_thumbnail(
    request: Request, video_id: VideoId, processor: Processor, storage: Storage
) -> Response:
    """JPEG, at most 640 pixels wide; made when it is first asked for."""
    video = await processor.ready(video_id, CUT_PATIENCE)
    return await object_response(request, storage, await processor.thumbnail_key(video), "image/jpeg")


def _summary(video: Video, status: VideoStatus) -> VideoSummary:
    return VideoSummary(
        video_id=video.id,
        title=video.title,
        duration=video.duration,
        resolution=video.resolution,
        status=status,
        created_at=video.created_at,
        source_language=video.source_language,
        reference=video.reference,
    )


def _details(
    video: Video, project_id: str, status: VideoStatus, artifacts: Sequence[Artifact], base: str
) -> VideoDetails:
    here = f"{base}/api/videos/{video.id}"

    def links(kind: ArtifactKind, path: str) -> list[TrackLink]:
        return [
            _link(found, f"{here}/{path.format(found.language)}", lineage(found, artifacts))
            for found in artifacts
            if found.kind is kind
        ]

    return VideoDetails(
        video_id=video.id,
        project_id=project_id,
        title=video.title,
        description=video.description,
        url=f"{here}/file",
        thumbnail_url=f"{here}/thumbnail",
        preview_url=f"{here}/preview",
        duration=video.duration,
        resolution=video.resolution,
        status=status,
        created_at=video.created_at,
        source_language=video.source_language,
        reference=video.reference,
        detected_language=video.detected_language,
        filename=video.filename,
        file_size=video.file_size,
        format=video.format,
        subtitles=SubtitleLinks(
            original=next(iter(links(ArtifactKind.SUBTITLES, "subtitles/original")), None),
            translations=links(ArtifactKind.TRANSLATION, "subtitles/translations/{}"),
        ),
        dubbed_versions=links(ArtifactKind.DUB, "dubbed-videos/{}/download"),
    )


def _link(found: Artifact, url: str, line: Lineage) -> TrackLink:
    return TrackLink(language=found.language, url=url, revision=line.revision, stale=line.stale)
