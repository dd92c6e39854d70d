"""Speech over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.core.database import Database, ReadSession, WriteSession, request_transaction
from app.core.errors import ErrorCode, Problem
from app.core.languages import LanguageCode
from app.core.links import BaseUrl, Texts
from app.core.openapi import STARTED, files, problems
from app.core.resources import owned
from app.core.schemas import SegmentId, VideoId
from app.idempotency.claim import RepeatableRoute
from app.jobs.models import Job, JobStatus
from app.jobs.monitor import JobMonitor
from app.jobs.presenter import accepted
from app.jobs.schemas import StartedLanguageTask
from app.projects.access import FILE_READERS, VIDEO_READERS, VIDEO_RUNNERS
from app.storage.responses import object_response
from app.subtitles.tracks import TRACK, FileAnswer, FileFormat, refuse_bilingual, track_download
from app.tts.audio_files import AudioFiles
from app.tts.models import SpeechSegment
from app.tts.presenter import present
from app.tts.schemas import GenerateSpeech, RegenerateSpeech, SpeechTrack
from app.tts.storage import SpokenTrack, load_speech_row, spoken_cues
from app.tts.voices_router import ENGINE_FAILURES, Manager, Storage
from app.tts.voices_router import router as voices
from app.videos.models import ArtifactKind
from app.videos.revisions import lineage_of
from app.videos.storage import get_video

router = APIRouter(tags=["speech"], route_class=RepeatableRoute)
router.include_router(voices)

Audio = Annotated[AudioFiles, Depends(owned(AudioFiles))]
Monitor = Annotated[JobMonitor, Depends(owned(JobMonitor))]
AppDatabase = Annotated[Database, Depends(owned(Database))]
Language = Annotated[LanguageCode, Path()]

MIME_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
NOT_READY = (ErrorCode.VIDEO_NOT_FOUND, ErrorCode.SPEECH_NOT_READY)


@router.post(
    "/api/videos/{video_id}/generate-tts",
    operation_id="generateSpeech",
    summary="Speak the translated subtitles",
    dependencies=[VIDEO_RUNNERS],
    status_code=202,
    responses=STARTED
    | problems(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.VIDEO_NOT_FOUND,
        ErrorCode.TRANSLATION_NOT_READY,
        ErrorCode.TRACK_EMPTY,
        ErrorCode.LANGUAGE_UNSUPPORTED,
        ErrorCode.ENGINE_NOT_CONFIGURED,
        ErrorCode.QUOTA_REACHED,
        named=[ErrorCode.VOICE_NOT_FOUND, ErrorCode.PRICE_UNKNOWN],
    ),
)
async def generate_speech(
    video_id: VideoId, body: GenerateSpeech, session: WriteSession, manager: Manager, response: Response
) -> StartedLanguageTask:
    """Starts a task, or names the one that already does exactly this."""
    job = await manager.start(session, video_id, body)
    return accepted(job, response, StartedLanguageTask, language=body.language)


@router.get(
    "/api/videos/{video_id}/tts/{language_code}",
    operation_id="getSpeech",
    summary="The generated speech",
    dependencies=[VIDEO_READERS],
    responses=problems(*NOT_READY),
)
async def get_speech(
    video_id: VideoId,
    language_code: Language,
    session: ReadSession,
    manager: Manager,
    base: BaseUrl,
    texts: Texts,
) -> SpeechTrack:
    """Every spoken segment with its file, and the whole track."""
    _, track = await manager.speech(session, video_id, language_code)
    line = await lineage_of(session, video_id, ArtifactKind.SPEECH, language_code)
    return present(track, line, base, texts)


@router.post(
    "/api/videos/{video_id}/tts/{language_code}",
    operation_id="regenerateSpeech",
    summary="Speak segments again",
    dependencies=[VIDEO_RUNNERS],
    responses=problems(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        *NOT_READY,
        ErrorCode.TRANSLATION_NOT_READY,
        ErrorCode.TASK_NOT_ACTIVE,
        ErrorCode.NOTHING_TO_SPEAK,
        ErrorCode.ENGINE_NOT_CONFIGURED,
        *ENGINE_FAILURES,
        ErrorCode.COST_LIMIT_REACHED,
        ErrorCode.QUOTA_REACHED,
        named=[ErrorCode.SEGMENT_NOT_FOUND, ErrorCode.VOICE_NOT_FOUND, ErrorCode.PRICE_UNKNOWN],
    ),
)
async def regenerate_speech(
    request: Request,
    video_id: VideoId,
    language_code: Language,
    database: AppDatabase,
    manager: Manager,
    monitor: Monitor,
    base: BaseUrl,
    texts: Texts,
    body: RegenerateSpeech | None = None,
) -> SpeechTrack:
    """With a body, speaks the named segments again, or those that failed, and answers when they are done; the
    others stay as they are. Only where even the fewest words at the highest speed do not fit between them, as
    few as it takes make room: `moved_segments` of the task, the video's latest in `GET /api/tasks`, names
    them. Without a body, it only reads."""
    if body is not None:
        async with request_transaction(request) as session:
            job = await manager.regenerate(session, video_id, language_code, body)
        done = await monitor.finished(job.id)
        if done.status is not JobStatus.COMPLETED:
            raise _why_not(done)
    async with database.read() as session:
        _, track = await manager.speech(session, video_id, language_code)
        line = await lineage_of(session, video_id, ArtifactKind.SPEECH, language_code)
    return present(track, line, base, texts)


@router.get(
    "/api/videos/{video_id}/tts/{language_code}/segments/{segment_id}/audio",
    operation_id="getSegmentAudio",
    summary="One spoken segment",
    dependencies=[FILE_READERS],
    response_class=Response,
    responses=problems(*NOT_READY, ErrorCode.SEGMENT_NOT_FOUND, ErrorCode.SEGMENT_NOT_SPOKEN)
    | files("The audio", "audio/mpeg", "audio/wav"),
)
@router.head(
    "/api/videos/{video_id}/tts/{language_code}/segments/{segment_id}/audio",
    include_in_schema=False,
    dependencies=[FILE_READERS],
)
async def get_segment_audio(
    request: Request,
    video_id: VideoId,
    language_code: Language,
    segment_id: SegmentId,
    database: AppDatabase,
    storage: Storage,
    audio: Audio,
) -> Response:
    """As it is placed in the dub; made when it is first asked for."""
    async with database.read() as session:
        await get_video(session, video_id)
        row = await load_speech_row(session, video_id, language_code)
        found = await session.get(SpeechSegment, (video_id, language_code, segment_id))
    if found is None:
        raise Problem(ErrorCode.SEGMENT_NOT_FOUND, segment_id=segment_id)
    return await object_response(
        request, storage, await audio.segment(row, found), MIME_TYPES[row.audio_format]
    )


@router.get(
    "/api/videos/{video_id}/audio",
    operation_id="getFullAudio",
    summary="The whole voice track",
    dependencies=[FILE_READERS],
    response_class=Response,
    responses=problems(*NOT_READY) | files("The audio", "audio/mpeg", "audio/wav"),
)
@router.head("/api/videos/{video_id}/audio", include_in_schema=False, dependencies=[FILE_READERS])
async def get_full_audio(
    request: Request,
    video_id: VideoId,
    language: Annotated[LanguageCode, Query()],
    database: AppDatabase,
    storage: Storage,
    audio: Audio,
) -> Response:
    """Mono, exactly as long as the video, every line in its place; made when it is first asked for."""
    async with database.read() as session:
        await get_video(session, video_id)
        row = await load_speech_row(session, video_id, language)
    return await object_response(request, storage, await audio.track(row), MIME_TYPES[row.audio_format])


@router.get(
    "/api/videos/{video_id}/tts/{language_code}/subtitles",
    operation_id="getSpeechSubtitles",
    summary="Subtitles of the dub",
    response_class=Response,
    dependencies=[VIDEO_READERS, Depends(refuse_bilingual)],
    responses=TRACK | problems(*NOT_READY, ErrorCode.BILINGUAL_UNAVAILABLE),
)
async def get_speech_subtitles(
    video_id: VideoId,
    language_code: Language,
    request: Request,
    session: ReadSession,
    manager: Manager,
    format: FileFormat = "srt",  # noqa: A002 - named as for other tracks
) -> Response:
    """What is spoken while it is spoken, which may be fewer words than the translation's, and at other
    times. A line that could not be spoken is at its own."""
    _, track = await manager.speech(session, video_id, language_code)
    return await _subtitles(track).read(request, format)


@router.get(
    "/api/videos/{video_id}/tts/{language_code}/subtitles/download",
    operation_id="downloadSpeechSubtitles",
    summary="Download the subtitles of the dub",
    response_class=Response,
    dependencies=[FILE_READERS, Depends(refuse_bilingual)],
    responses=track_download() | problems(*NOT_READY, ErrorCode.BILINGUAL_UNAVAILABLE),
)
@router.head(
    "/api/videos/{video_id}/tts/{language_code}/subtitles/download",
    include_in_schema=False,
    dependencies=[FILE_READERS],
)
async def download_speech_subtitles(
    video_id: VideoId,
    language_code: Language,
    session: ReadSession,
    manager: Manager,
    format: FileFormat = "srt",  # noqa: A002 - named as for other tracks
) -> Response:
    """With a file name."""
    video, track = await manager.speech(session, video_id, language_code)
    return await _subtitles(track).download(video.title, format)


def _subtitles(track: SpokenTrack) -> FileAnswer:
    row = track.row
    etag = f'"{row.video_id}-{row.language}-spoken-{row.updated_at.timestamp():.6f}"'
    return FileAnswer(spoken_cues(track), row.language, etag)


def _why_not(job: Job) -> Problem:
    if job.error is None:
        return Problem(ErrorCode.TASK_NOT_ACTIVE, task_id=job.id, status=job.status)
    return Problem.recorded(ErrorCode(job.error), job.error_details or {})
