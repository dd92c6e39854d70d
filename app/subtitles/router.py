"""The original subtitles over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from app.core.database import ReadSession, WriteSession, take_turn
from app.core.errors import ErrorCode
from app.core.languages import AUTO, LanguageCode
from app.core.links import Texts
from app.core.openapi import STARTED, problems
from app.core.resources import owned
from app.core.schemas import VideoId
from app.idempotency.claim import RepeatableRoute
from app.jobs.presenter import accepted
from app.jobs.schemas import StartedTask
from app.projects.access import FILE_READERS, VIDEO_READERS, VIDEO_RUNNERS, VIDEO_WRITERS
from app.subtitles.review import checked, fixed
from app.subtitles.schemas import (
    ExtractSubtitles,
    FixTrack,
    LeftOutLine,
    ReadabilityCheck,
    SubtitleLine,
    SubtitleTrack,
    TrackFixed,
    TrackMetadata,
    TrackUpdated,
    WordTime,
)
from app.subtitles.segments import Segment, summarise
from app.subtitles.service import SubtitleService, etag
from app.subtitles.storage import OriginalTrack, find_track
from app.subtitles.tracks import (
    FIX_REFUSALS,
    TRACK,
    TRACK_BODY,
    TRACK_REFUSALS,
    TRACK_SAVED,
    FileAnswer,
    Format,
    IfMatch,
    SoFar,
    TrackAnswer,
    TrackFile,
    check_etag,
    cues_of,
    partial_etag,
    read_track_body,
    refuse_bilingual,
    track_download,
)
from app.videos.models import Video
from app.videos.storage import get_video

router = APIRouter(prefix="/api/videos/{video_id}", tags=["subtitles"], route_class=RepeatableRoute)

Service = Annotated[SubtitleService, Depends(owned(SubtitleService))]

UNREADABLE = problems(
    ErrorCode.VIDEO_NOT_FOUND, ErrorCode.SUBTITLES_NOT_READY, ErrorCode.BILINGUAL_UNAVAILABLE
)


@router.post(
    "/extract-subtitles",
    operation_id="extractSubtitles",
    summary="Transcribe the video",
    dependencies=[VIDEO_RUNNERS],
    status_code=202,
    responses=STARTED
    | problems(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.VIDEO_NOT_FOUND,
        ErrorCode.NO_AUDIO_TRACK,
        ErrorCode.LANGUAGE_UNSUPPORTED,
        ErrorCode.ENGINE_NOT_CONFIGURED,
        ErrorCode.QUOTA_REACHED,
        named=[ErrorCode.PRICE_UNKNOWN],
    ),
)
async def extract_subtitles(
    video_id: VideoId,
    session: WriteSession,
    service: Service,
    response: Response,
    body: ExtractSubtitles | None = None,
) -> StartedTask:
    """Starts a task, or names the one that already does exactly this."""
    job = await service.start_extraction(session, video_id, body or ExtractSubtitles())
    return accepted(job, response, StartedTask)


@router.get(
    "/subtitles/original",
    operation_id="getOriginalSubtitles",
    summary="The original subtitles",
    response_model=SubtitleTrack,
    dependencies=[VIDEO_READERS, Depends(refuse_bilingual)],
    responses=TRACK | UNREADABLE,
)
async def get_original_subtitles(
    video_id: VideoId,
    request: Request,
    session: ReadSession,
    service: Service,
    format: Format = "json",  # noqa: A002 - the name is the specification's
    so_far: SoFar = False,
) -> Response:
    """As JSON with an ETag for edits, or as a subtitle file."""
    if so_far and (found := await service.partial_track(session, video_id)):
        return await _answer(*found, partial=True).read(request, format)
    video, track = await service.track(session, video_id)
    return await _answer(video, track).read(request, format)


@router.get(
    "/subtitles/original/download",
    operation_id="downloadOriginalSubtitles",
    summary="Download the original subtitles",
    response_class=Response,
    dependencies=[FILE_READERS, Depends(refuse_bilingual)],
    responses=track_download(SubtitleTrack) | UNREADABLE,
)
@router.head("/subtitles/original/download", include_in_schema=False, dependencies=[FILE_READERS])
async def download_original_subtitles(
    video_id: VideoId,
    session: ReadSession,
    service: Service,
    format: Format = "srt",  # noqa: A002 - the name is the specification's
) -> Response:
    """With a file name."""
    video, track = await service.track(session, video_id)
    return await _answer(video, track).download(video.title, format)


@router.put(
    "/subtitles/original",
    operation_id="updateOriginalSubtitles",
    summary="Edit or replace the original subtitles",
    dependencies=[VIDEO_WRITERS],
    openapi_extra=TRACK_BODY,
    responses=TRACK_SAVED | problems(ErrorCode.SUBTITLES_NOT_READY, *TRACK_REFUSALS),
)
async def update_original_subtitles(
    request: Request,
    video_id: VideoId,
    session: WriteSession,
    service: Service,
    response: Response,
    texts: Texts,
    if_match: IfMatch = None,
    language: Annotated[
        LanguageCode | None, Query(description="Of a subtitle file, where the video does not tell.")
    ] = None,
) -> TrackUpdated:
    """JSON changes the segments it names. A WebVTT, SubRip or .ass file replaces the track, or
    creates it."""
    body = await read_track_body(request, language)
    await take_turn(session, video_id)
    video = await get_video(session, video_id)
    track = await find_track(session, video_id)
    check_etag(if_match, etag(track) if track else None)
    if isinstance(body, TrackFile):
        track = await service.replace(session, video, body, language or _known_language(video, track))
    else:
        track = await service.edit(session, video, track, body)
    response.headers["ETag"] = etag(track)
    return TrackUpdated(success=True, message=texts.answers["subtitles_updated"])


@router.get(
    "/subtitles/original/check",
    operation_id="checkOriginalSubtitles",
    summary="Whether the original subtitles are readable",
    dependencies=[VIDEO_READERS],
    responses=TRACK_SAVED | problems(ErrorCode.VIDEO_NOT_FOUND, ErrorCode.SUBTITLES_NOT_READY),
)
async def check_original_subtitles(
    video_id: VideoId, session: ReadSession, service: Service, response: Response, texts: Texts
) -> ReadabilityCheck:
    """By the field's rules for the language: the length of lines, reading speed, times and gaps."""
    video, track = await service.track(session, video_id)
    response.headers["ETag"] = etag(track)
    return await checked(track.segments, video, track.row.language, texts)


@router.post(
    "/subtitles/original/fix",
    operation_id="fixOriginalSubtitles",
    summary="Make the original subtitles readable",
    dependencies=[VIDEO_WRITERS],
    responses=TRACK_SAVED | problems(ErrorCode.SUBTITLES_NOT_READY, *FIX_REFUSALS),
)
async def fix_original_subtitles(
    video_id: VideoId,
    service: Service,
    response: Response,
    texts: Texts,
    body: FixTrack | None = None,
    if_match: IfMatch = None,
) -> TrackFixed:
    """Wraps lines, splits and joins segments and shows them on into silence; the words stay as they are."""
    dry_run = body is not None and body.dry_run
    video, before, after = await service.fix(video_id, if_match=if_match, dry_run=dry_run)
    response.headers["ETag"] = etag(after)
    saved = etag(after) != etag(before)
    return await fixed(before.segments, after.segments, video, after.row.language, texts, saved=saved)


def _known_language(video: Video, track: OriginalTrack | None) -> str:
    known = (track and track.row.language) or video.detected_language
    if known is None and video.source_language == AUTO:
        raise RequestValidationError(
            [{"type": "missing", "loc": ("query", "language"), "msg": "Field required"}]
        )
    return known or video.source_language


def _answer(video: Video, track: OriginalTrack, *, partial: bool = False) -> TrackAnswer:
    tag = partial_etag(track.segments) if partial else etag(track)
    file = FileAnswer(cues_of(track.segments), track.row.language, tag)
    return TrackAnswer(file, lambda: _present(video, track, partial=partial))


def _present(video: Video, track: OriginalTrack, *, partial: bool) -> SubtitleTrack:
    row = track.row
    summary = summarise(track.segments, language=row.language, duration=video.duration)
    return SubtitleTrack(
        video_id=video.id,
        language=row.language,
        detected_language=row.detected_language,
        whisper_model=row.whisper_model,
        model_used=row.model_used,
        revision=row.revision,
        segments=[_line(segment) for segment in track.segments],
        metadata=TrackMetadata(
            word_count=summary.word_count,
            segment_count=summary.segment_count,
            total_duration=summary.total_duration,
            average_confidence=summary.average_confidence,
            estimated_times=row.has_estimated_times,
            left_out=[LeftOutLine.model_validate(left_out) for left_out in row.left_out],
        ),
        created_at=row.created_at,
        updated_at=row.updated_at,
        partial=partial or None,
    )


def _line(segment: Segment) -> SubtitleLine:
    words = [
        WordTime(start=word.start, end=word.end, text=word.text, probability=word.probability)
        for word in segment.words
    ]
    return SubtitleLine(
        id=segment.id,
        start=segment.start,
        end=segment.end,
        text=segment.text,
        confidence=segment.confidence,
        speaker=segment.speaker,
        words=words or None,
    )
