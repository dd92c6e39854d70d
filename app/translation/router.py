"""Translations over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from app.core.database import ReadSession, WriteSession, take_turn
from app.core.errors import ErrorCode, Problem
from app.core.languages import LanguageCode
from app.core.links import Texts
from app.core.openapi import STARTED, problems
from app.core.resources import owned
from app.core.schemas import VideoId
from app.idempotency.claim import RepeatableRoute
from app.jobs.presenter import accepted
from app.jobs.schemas import StartedTranslation
from app.projects.access import FILE_READERS, VIDEO_READERS, VIDEO_RUNNERS, VIDEO_WRITERS
from app.subtitles.review import checked, fixed
from app.subtitles.schemas import FixTrack, ReadabilityCheck, TrackFixed, TrackUpdated
from app.subtitles.segments import summarise
from app.subtitles.tracks import (
    FIX_REFUSALS,
    TRACK,
    TRACK_BODY,
    TRACK_REFUSALS,
    TRACK_SAVED,
    Bilingual,
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
    track_download,
)
from app.translation.schemas import (
    TranslatedLine,
    TranslateSubtitles,
    TranslationMetadata,
    TranslationTrack,
)
from app.translation.service import TranslationManager, etag
from app.translation.storage import TranslatedTrack, find_track
from app.videos.models import ArtifactKind, Video
from app.videos.revisions import Lineage, lineage_of
from app.videos.storage import get_video

router = APIRouter(prefix="/api/videos/{video_id}", tags=["translations"], route_class=RepeatableRoute)

Manager = Annotated[TranslationManager, Depends(owned(TranslationManager))]
Language = Annotated[LanguageCode, Path()]


@router.post(
    "/translate-subtitles",
    operation_id="translateSubtitles",
    summary="Translate the subtitles",
    dependencies=[VIDEO_RUNNERS],
    status_code=202,
    responses=STARTED
    | problems(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.VIDEO_NOT_FOUND,
        ErrorCode.SUBTITLES_NOT_READY,
        ErrorCode.TRACK_EMPTY,
        ErrorCode.LANGUAGE_PAIR_UNSUPPORTED,
        ErrorCode.ENGINE_NOT_CONFIGURED,
        ErrorCode.QUOTA_REACHED,
        named=[ErrorCode.PRICE_UNKNOWN],
    ),
)
async def translate_subtitles(
    video_id: VideoId, body: TranslateSubtitles, session: WriteSession, manager: Manager, response: Response
) -> StartedTranslation:
    """Starts a task, or names the one that already does exactly this."""
    job = await manager.start(session, video_id, body)
    return accepted(job, response, StartedTranslation, target_language=body.target_language)


@router.get(
    "/subtitles/translations/{language_code}",
    operation_id="getTranslation",
    summary="The subtitles in another language",
    dependencies=[VIDEO_READERS],
    response_model=TranslationTrack,
    responses=TRACK | problems(ErrorCode.VIDEO_NOT_FOUND, ErrorCode.TRANSLATION_NOT_READY),
)
async def get_translation(
    video_id: VideoId,
    language_code: Language,
    request: Request,
    session: ReadSession,
    manager: Manager,
    format: Format = "json",  # noqa: A002 - the name is the specification's
    bilingual: Bilingual = False,
    so_far: SoFar = False,
) -> Response:
    """As JSON with an ETag for edits, or as a subtitle file."""
    if so_far and (found := await manager.partial_track(session, video_id, language_code)):
        return await _answer(*found, None, bilingual).read(request, format)
    video, track = await manager.track(session, video_id, language_code)
    line = await lineage_of(session, video_id, ArtifactKind.TRANSLATION, language_code)
    return await _answer(video, track, line, bilingual).read(request, format)


@router.get(
    "/subtitles/translations/{language_code}/download",
    operation_id="downloadTranslation",
    summary="Download the subtitles in another language",
    dependencies=[FILE_READERS],
    response_class=Response,
    responses=track_download(TranslationTrack)
    | problems(ErrorCode.VIDEO_NOT_FOUND, ErrorCode.TRANSLATION_NOT_READY),
)
@router.head(
    "/subtitles/translations/{language_code}/download", include_in_schema=False, dependencies=[FILE_READERS]
)
async def download_translation(
    video_id: VideoId,
    language_code: Language,
    session: ReadSession,
    manager: Manager,
    format: Format = "srt",  # noqa: A002 - the name is the specification's
    bilingual: Bilingual = False,
) -> Response:
    """With a file name."""
    video, track = await manager.track(session, video_id, language_code)
    line = await lineage_of(session, video_id, ArtifactKind.TRANSLATION, language_code)
    return await _answer(video, track, line, bilingual).download(track.row.title or video.title, format)


@router.put(
    "/subtitles/translations/{language_code}",
    operation_id="updateTranslation",
    summary="Edit or replace a translation",
    dependencies=[VIDEO_WRITERS],
    openapi_extra=TRACK_BODY,
    responses=TRACK_SAVED | problems(ErrorCode.TRANSLATION_NOT_READY, *TRACK_REFUSALS),
)
async def update_translation(
    request: Request,
    video_id: VideoId,
    language_code: Language,
    session: WriteSession,
    manager: Manager,
    response: Response,
    texts: Texts,
    if_match: IfMatch = None,
) -> TrackUpdated:
    """JSON changes the segments it names. A WebVTT, SubRip or .ass file replaces the track, or
    creates it."""
    body = await read_track_body(request, language_code)
    await take_turn(session, video_id)
    video = await get_video(session, video_id)
    track = await find_track(session, video_id, language_code)
    check_etag(if_match, etag(track) if track else None)
    if isinstance(body, TrackFile):
        track = await manager.replace(session, video, language_code, body)
    elif track is None:
        raise Problem(ErrorCode.TRANSLATION_NOT_READY, video_id=video_id, language=language_code)
    else:
        track = await manager.edit(session, video, track, body)
    response.headers["ETag"] = etag(track)
    return TrackUpdated(success=True, message=texts.answers["translation_updated"])


@router.get(
    "/subtitles/translations/{language_code}/check",
    operation_id="checkTranslation",
    summary="Whether a translation is readable",
    dependencies=[VIDEO_READERS],
    responses=TRACK_SAVED | problems(ErrorCode.VIDEO_NOT_FOUND, ErrorCode.TRANSLATION_NOT_READY),
)
async def check_translation(
    video_id: VideoId,
    language_code: Language,
    session: ReadSession,
    manager: Manager,
    response: Response,
    texts: Texts,
) -> ReadabilityCheck:
    """By the field's rules for the language: the length of lines, reading speed, times and gaps."""
    video, track = await manager.track(session, video_id, language_code)
    response.headers["ETag"] = etag(track)
    return await checked(track.segments, video, language_code, texts)


@router.post(
    "/subtitles/translations/{language_code}/fix",
    operation_id="fixTranslation",
    summary="Make a translation readable",
    dependencies=[VIDEO_WRITERS],
    responses=TRACK_SAVED | problems(ErrorCode.TRANSLATION_NOT_READY, *FIX_REFUSALS),
)
async def fix_translation(
    video_id: VideoId,
    language_code: Language,
    manager: Manager,
    response: Response,
    texts: Texts,
    body: FixTrack | None = None,
    if_match: IfMatch = None,
) -> TrackFixed:
    """Wraps lines, splits and joins segments and shows them on into silence; the words stay as they are."""
    dry_run = body is not None and body.dry_run
    video, before, after = await manager.fix(video_id, language_code, if_match=if_match, dry_run=dry_run)
    response.headers["ETag"] = etag(after)
    saved = etag(after) != etag(before)
    return await fixed(before.segments, after.segments, video, language_code, texts, saved=saved)


def _answer(video: Video, track: TranslatedTrack, line: Lineage | None, bilingual: bool) -> TrackAnswer:
    """What is still being translated has no lineage yet."""
    row = track.row
    tag = partial_etag(track.segments) if line is None else etag(track)
    stale = line is not None and line.stale
    cues = cues_of(track.voiced, bilingual=bilingual)
    file = FileAnswer(cues, row.target_language, tag, row.source_language if bilingual else None)
    return TrackAnswer(file, lambda: _present(video, track, line), stale=stale)


def _present(video: Video, track: TranslatedTrack, line: Lineage | None) -> TranslationTrack:
    row = track.row
    summary = summarise(track.segments, language=row.target_language, duration=video.duration)
    return TranslationTrack(
        video_id=video.id,
        source_language=row.source_language,
        target_language=row.target_language,
        translation_model=row.translation_model,
        model_used=row.model_used,
        title=row.title,
        revision=row.revision,
        stale=line is not None and line.stale,
        made_from=list(line.made_from) if line else [],
        segments=[
            TranslatedLine(
                id=segment.id,
                start=segment.start,
                end=segment.end,
                text=segment.text,
                shorter=list(segment.shorter),
                original_text=segment.original_text,
                speaker=segment.speaker,
            )
            for segment in track.voiced
        ],
        metadata=TranslationMetadata(
            word_count=summary.word_count,
            segment_count=summary.segment_count,
            total_duration=summary.total_duration,
            created_at=row.created_at,
            updated_at=row.updated_at,
            untranslated_segments=row.untranslated,
            missed_terms=row.missed_terms,
            doubtful_segments=row.doubtful,
        ),
        partial=True if line is None else None,
    )
