"""Dubbed videos over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from app.core.database import ReadSession, WriteSession
from app.core.errors import ErrorCode, Problem
from app.core.languages import LanguageCode
from app.core.links import BaseUrl
from app.core.openapi import STARTED, files, problems
from app.core.resources import owned
from app.core.schemas import VideoId
from app.idempotency.claim import RepeatableRoute
from app.jobs.presenter import accepted
from app.jobs.schemas import StartedLanguageTask
from app.projects.access import FILE_READERS, VIDEO_READERS, VIDEO_RUNNERS
from app.render.output import OutputFormatter
from app.render.report_schemas import PLOT, REPORT, DubReport
from app.render.schemas import DubbedVideo, DubbedVideoOptions, GenerateDubbedVideo
from app.render.service import Dub, VideoGenerator
from app.storage.manager import StorageManager
from app.storage.responses import object_response

router = APIRouter(prefix="/api/videos/{video_id}", tags=["dubbed videos"], route_class=RepeatableRoute)

Generator = Annotated[VideoGenerator, Depends(owned(VideoGenerator))]
Storage = Annotated[StorageManager, Depends(owned(StorageManager))]
Language = Annotated[LanguageCode, Path()]

NOT_READY = problems(ErrorCode.VIDEO_NOT_FOUND, ErrorCode.DUB_NOT_READY)
NOT_REPORTED = problems(ErrorCode.VIDEO_NOT_FOUND, ErrorCode.DUB_NOT_READY, ErrorCode.REPORT_NOT_READY)
VIDEO_TYPES = ("video/mp4", "video/quicktime", "video/webm")


@router.post(
    "/generate-dubbed-video",
    operation_id="generateDubbedVideo",
    summary="Make the dubbed video",
    dependencies=[VIDEO_RUNNERS],
    status_code=202,
    responses=STARTED
    | problems(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.VIDEO_NOT_FOUND,
        ErrorCode.SPEECH_NOT_READY,
        ErrorCode.QUOTA_REACHED,
    ),
)
async def generate_dubbed_video(
    video_id: VideoId,
    body: GenerateDubbedVideo,
    session: WriteSession,
    generator: Generator,
    response: Response,
) -> StartedLanguageTask:
    """Starts a task, or names the one that already does exactly this."""
    job = await generator.start(session, video_id, body)
    return accepted(job, response, StartedLanguageTask, language=body.spoken[0])


@router.get(
    "/dubbed-videos/{language_code}",
    operation_id="getDubbedVideo",
    summary="A dubbed video",
    dependencies=[VIDEO_READERS],
    responses=NOT_READY,
)
async def get_dubbed_video(
    video_id: VideoId, language_code: Language, session: ReadSession, generator: Generator, base: BaseUrl
) -> DubbedVideo:
    """Its facts, and where its files are."""
    return _present(await generator.dub(session, video_id, language_code), base)


@router.get(
    "/dubbed-videos/{language_code}/file",
    operation_id="getDubbedVideoFile",
    summary="Play a dubbed video",
    dependencies=[FILE_READERS],
    response_class=Response,
    responses=NOT_READY | files("The video", *VIDEO_TYPES),
)
@router.head("/dubbed-videos/{language_code}/file", include_in_schema=False, dependencies=[FILE_READERS])
async def get_dubbed_video_file(
    request: Request,
    video_id: VideoId,
    language_code: Language,
    session: ReadSession,
    generator: Generator,
    storage: Storage,
) -> Response:
    """For a player: whole or in ranges."""
    dub = await generator.dub(session, video_id, language_code)
    return await object_response(request, storage, dub.generated.path, _output(dub).mime_type)


@router.get(
    "/dubbed-videos/{language_code}/download",
    operation_id="downloadDubbedVideo",
    summary="Download a dubbed video",
    dependencies=[FILE_READERS],
    response_class=Response,
    responses=NOT_READY | files("The video", *VIDEO_TYPES),
)
@router.head("/dubbed-videos/{language_code}/download", include_in_schema=False, dependencies=[FILE_READERS])
async def download_dubbed_video(
    request: Request,
    video_id: VideoId,
    language_code: Language,
    session: ReadSession,
    generator: Generator,
    storage: Storage,
) -> Response:
    """With a file name."""
    dub = await generator.dub(session, video_id, language_code)
    name = f"{dub.title}.{language_code}.{dub.generated.format}"
    return await object_response(request, storage, dub.generated.path, _output(dub).mime_type, name)


@router.get(
    "/dubbed-videos/{language_code}/thumbnail",
    operation_id="getDubbedVideoThumbnail",
    summary="A still picture of a dubbed video",
    dependencies=[FILE_READERS],
    response_class=Response,
    responses=NOT_READY | files("The picture", "image/jpeg"),
)
@router.head("/dubbed-videos/{language_code}/thumbnail", include_in_schema=False, dependencies=[FILE_READERS])
async def get_dubbed_video_thumbnail(
    request: Request,
    video_id: VideoId,
    language_code: Language,
    session: ReadSession,
    generator: Generator,
    storage: Storage,
) -> Response:
    """JPEG, at most 640 pixels wide."""
    dub = await generator.dub(session, video_id, language_code)
    return await object_response(request, storage, dub.generated.thumbnail_path, "image/jpeg")


@router.get(
    "/dubbed-videos/{language_code}/report",
    operation_id="getDubbedVideoReport",
    summary="How well a dubbed video keeps to its plan",
    dependencies=[VIDEO_READERS],
    responses=NOT_REPORTED,
)
async def get_dubbed_video_report(
    video_id: VideoId, language_code: Language, session: ReadSession, generator: Generator, storage: Storage
) -> DubReport:
    """Measured from the sound of the finished file: when each line is heard, how loud, how fast."""
    dub = await generator.dub(session, video_id, language_code)
    try:
        return DubReport.model_validate_json(await storage.read_bytes(f"{dub.generated.objects}{REPORT}"))
    except FileNotFoundError as error:
        raise _not_reported(video_id, language_code) from error


@router.get(
    "/dubbed-videos/{language_code}/report/plot",
    operation_id="getDubbedVideoReportPlot",
    summary="The report as a picture",
    dependencies=[FILE_READERS],
    response_class=Response,
    responses=NOT_REPORTED | files("The picture", "image/svg+xml"),
)
@router.head(
    "/dubbed-videos/{language_code}/report/plot", include_in_schema=False, dependencies=[FILE_READERS]
)
async def get_dubbed_video_report_plot(
    request: Request,
    video_id: VideoId,
    language_code: Language,
    session: ReadSession,
    generator: Generator,
    storage: Storage,
) -> Response:
    """SVG: the timeline of the subtitles' slots and the speech as it is heard."""
    dub = await generator.dub(session, video_id, language_code)
    key = f"{dub.generated.objects}{PLOT}"
    if not await storage.exists(key):
        raise _not_reported(video_id, language_code)
    return await object_response(request, storage, key, "image/svg+xml")


def _not_reported(video_id: str, language: str) -> Problem:
    return Problem(ErrorCode.REPORT_NOT_READY, video_id=video_id, language=language)


def _output(dub: Dub) -> OutputFormatter:
    options = DubbedVideoOptions.model_validate(dub.generated.options)
    return OutputFormatter(options.output_format, options.output_quality)


def _present(dub: Dub, base: str) -> DubbedVideo:
    generated = dub.generated
    here = f"{base}/api/videos/{dub.video.id}/dubbed-videos/{generated.audio_language}"
    return DubbedVideo(
        video_id=dub.video.id,
        original_title=dub.video.title,
        dubbed_title=dub.title,
        language=generated.audio_language,
        languages=generated.languages,
        subtitle_language=generated.subtitle_language,
        url=f"{here}/file",
        download_url=f"{here}/download",
        thumbnail_url=f"{here}/thumbnail",
        report_url=f"{here}/report",
        duration=generated.duration,
        resolution=generated.resolution,
        file_size=generated.file_size,
        revision=dub.line.revision,
        stale=dub.line.stale,
        made_from=list(dub.line.made_from),
        created_at=generated.created_at,
        options=DubbedVideoOptions.model_validate(generated.options),
    )
