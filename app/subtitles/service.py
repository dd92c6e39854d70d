"""Starting transcriptions, reading and editing the original track."""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database, take_turn
from app.core.errors import ErrorCode, Problem
from app.core.languages import AUTO, base_language
from app.jobs.models import Job, JobType
from app.jobs.partial import segments_so_far
from app.jobs.scheduler import JobScheduler
from app.jobs.storage import running_jobs
from app.jobs.task import Workload
from app.jobs.terms import bounded
from app.ledger.prices import Estimate, PriceTable
from app.ledger.usage import Usage
from app.subtitles.engines.base import Transcriber
from app.subtitles.models import UNKNOWN_LANGUAGE, Subtitles
from app.subtitles.review import mended
from app.subtitles.schemas import ExtractSubtitles, TrackUpdate
from app.subtitles.segments import apply_changes
from app.subtitles.storage import (
    OriginalTrack,
    find_track,
    load_track,
    save_track,
    segments_from_json,
)
from app.subtitles.tracks import TrackFile, check_etag, segments_of
from app.videos.models import Video
from app.videos.storage import get_video

PRIOR_SECONDS = {"api": 0.06, "cpu": 0.3}


class SubtitleService:
    """The use cases of the original track."""

    def __init__(
        self,
        database: Database,
        scheduler: JobScheduler,
        transcriber: Callable[[], Transcriber],
        prices: PriceTable,
    ) -> None:
        self._database = database
        self._scheduler = scheduler
        self._transcriber = transcriber
        self._prices = prices

    async def start_extraction(self, session: AsyncSession, video_id: str, request: ExtractSubtitles) -> Job:
        """Raises `Problem`: no such video, and as `check_extraction` does."""
        video = await get_video(session, video_id)
        self.check_extraction(video, await bounded(session, video_id, request))
        settled = request.model_copy(update={"language": _language(request, video)})
        return await self._scheduler.start(
            session,
            JobType.SUBTITLE_EXTRACTION,
            video_id,
            settled,
            self._transcriber().queue,
            self.extraction_work(video),
            request,
        )

    def extraction_work(self, video: Video) -> Workload:
        """Raises `Problem(ENGINE_NOT_CONFIGURED)`."""
        engine = self._transcriber()
        kind = f"{JobType.SUBTITLE_EXTRACTION}:{engine.name}"
        return Workload(video.duration, kind, PRIOR_SECONDS[engine.queue])

    def extraction_cost(self, video: Video, request: ExtractSubtitles) -> Estimate:
        """Raises `Problem(ENGINE_NOT_CONFIGURED)`."""
        engine = self._transcriber()
        model = engine.model_for(request.model)
        call = Usage(engine.name, "transcription", model, audio_seconds=video.duration)
        return self._prices.estimate([call], engine.queue)

    def check_extraction(self, video: Video, request: ExtractSubtitles) -> None:
        """Raises `Problem`: no audio, an engine that is not configured or not able, a limit on costs that
        are not known."""
        if video.info.default_audio is None:
            raise Problem(ErrorCode.NO_AUDIO_TRACK, video_id=video.id)
        engine = self._transcriber()
        _check_language(engine, _language(request, video))
        self._prices.check_limit(request.max_cost, engine.queue, engine.model_for(request.model))

    async def track(self, session: AsyncSession, video_id: str) -> tuple[Video, OriginalTrack]:
        """Raises `Problem(VIDEO_NOT_FOUND)` or `Problem(SUBTITLES_NOT_READY)`."""
        return await get_video(session, video_id), await load_track(session, video_id)

    async def partial_track(self, session: AsyncSession, video_id: str) -> tuple[Video, OriginalTrack] | None:
        """What a running transcription has heard so far; its segments are numbered anew as it goes on."""
        video = await get_video(session, video_id)
        job = next(iter(await running_jobs(session, video_id, JobType.SUBTITLE_EXTRACTION)), None)
        if job is None:
            return None
        request = ExtractSubtitles.model_validate(job.request, strict=False)
        row = Subtitles(
            video_id=video_id,
            language=UNKNOWN_LANGUAGE if request.language == AUTO else request.language,
            whisper_model=request.model,
            model_used=self._transcriber().model_for(request.model),
            has_estimated_times=False,
            left_out=[],
            revision=0,
            created_at=job.created_at,
            updated_at=job.updated_at,
        )
        heard = segments_from_json(await segments_so_far(session, job.id))
        numbered = (replace(segment, id=number) for number, segment in enumerate(heard))
        return video, OriginalTrack(row, tuple(numbered))

    async def edit(
        self, session: AsyncSession, video: Video, track: OriginalTrack | None, update: TrackUpdate
    ) -> OriginalTrack:
        """Changes the segments named. Raises `Problem` naming the segment at fault."""
        if track is None:
            raise Problem(ErrorCode.SUBTITLES_NOT_READY, video_id=video.id)
        changes = [segment.as_change() for segment in update.segments]
        segments = apply_changes(track.segments, changes, duration=video.duration)
        await save_track(session, track.row, segments)
        return OriginalTrack(track.row, segments)

    async def fix(
        self, video_id: str, *, if_match: str | None, dry_run: bool
    ) -> tuple[Video, OriginalTrack, OriginalTrack]:
        """The video and its track before and after; saved where it changed, but for a `dry_run`.

        Long tracks take seconds, so nobody's writing waits for them: a track that was changed meanwhile
        is mended anew. Raises `Problem` as `track` does, or PRECONDITION_FAILED.
        """
        while True:
            async with self._database.read() as session:
                video, track = await self.track(session, video_id)
            check_etag(if_match, etag(track))
            segments = await mended(track.segments, video, track.row.language)
            if dry_run or segments == track.segments:
                return video, track, OriginalTrack(track.row, segments)
            async with self._database.write() as session:
                await take_turn(session, video_id)
                row = await session.get(Subtitles, video_id)
                if row is not None and row.revision == track.row.revision:
                    await save_track(session, row, segments)
                    return video, track, OriginalTrack(row, segments)

    async def replace(
        self, session: AsyncSession, video: Video, file: TrackFile, language: str
    ) -> OriginalTrack:
        """The file's cues become the track, which is created if there is none."""
        track = await find_track(session, video.id)
        row = track.row if track else Subtitles(video_id=video.id)
        row.language, row.detected_language = language, None
        row.whisper_model = row.model_used = None
        row.whisper_options, row.left_out, row.has_estimated_times = {}, [], False
        segments = segments_of(file.cues)
        await save_track(session, row, segments)
        return OriginalTrack(row, segments)


def etag(track: OriginalTrack) -> str:
    return f'"{track.row.video_id}-{track.row.revision}"'


def _language(request: ExtractSubtitles, video: Video) -> str:
    return video.source_language if request.language == AUTO else request.language


def _check_language(engine: Transcriber, language: str) -> None:
    known = engine.languages()
    if language != AUTO and known is not None and base_language(language) not in known:
        raise Problem(
            ErrorCode.LANGUAGE_UNSUPPORTED, field="language", stage="transcription", language=language
        )
