"""TranslationManager: starting translations, reading and editing their tracks."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from zlib import crc32

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database, take_turn
from app.core.errors import ErrorCode, Problem
from app.jobs.models import Job, JobType
from app.jobs.partial import segments_so_far
from app.jobs.scheduler import JobScheduler
from app.jobs.storage import running_jobs
from app.jobs.task import Outlook, Workload
from app.jobs.terms import bounded
from app.ledger.prices import PriceTable
from app.memo import remembered
from app.subtitles.review import mended
from app.subtitles.schemas import TrackUpdate
from app.subtitles.segments import Segment, apply_changes
from app.subtitles.storage import OriginalTrack, segments_from_json, turns_of
from app.subtitles.storage import find_track as find_original
from app.subtitles.storage import load_track as load_original
from app.subtitles.tracks import TrackFile, check_etag, segments_of
from app.translation.beside import beside, with_own_speakers
from app.translation.commission import Commission
from app.translation.engines.base import Translator
from app.translation.models import Translation
from app.translation.schemas import TranslateSubtitles
from app.translation.sentences import sentences
from app.translation.storage import TranslatedTrack, find_track, load_track, save_track
from app.videos.models import Video
from app.videos.storage import get_video

PRIOR_SECONDS = {"api": 0.25, "cpu": 0.02}


class TranslationManager:
    """The use cases of translations."""

    def __init__(
        self,
        database: Database,
        scheduler: JobScheduler,
        translator: Callable[[], Translator],
        prices: PriceTable,
    ) -> None:
        self._database = database
        self._scheduler = scheduler
        self._translator = translator
        self._prices = prices

    async def start(self, session: AsyncSession, video_id: str, request: TranslateSubtitles) -> Job:
        """Raises `Problem`: no such video, no subtitles, an engine not configured or not able, a limit on
        costs that are not known."""
        await get_video(session, video_id)
        original = await load_original(session, video_id)
        if not original.segments:
            raise Problem(ErrorCode.TRACK_EMPTY)
        engine = self._translator()
        engine.check_pair(original.row.language, request.target_language)
        self.check_limit(await bounded(session, video_id, request))
        work = self.work(len(original.segments))
        return await self._scheduler.start(
            session, JobType.TRANSLATION, video_id, request, engine.queue, work, request
        )

    def work(self, lines: int) -> Workload:
        """Raises `Problem(ENGINE_NOT_CONFIGURED)`."""
        engine = self._translator()
        return Workload(lines, f"{JobType.TRANSLATION}:{engine.name}", PRIOR_SECONDS[engine.queue])

    async def outlook(
        self, session: AsyncSession, segments: Sequence[Segment], source: str, request: TranslateSubtitles
    ) -> Outlook:
        """Of a translation of these segments. Raises `Problem(ENGINE_NOT_CONFIGURED)`."""
        commission = Commission.of(self._translator(), request, source)
        style = commission.style
        units = await asyncio.to_thread(sentences, segments, preserve_format=style.preserve_format)
        keyed = {
            commission.unit(batch).key: batch for batch in await asyncio.to_thread(commission.body, units)
        }
        done = await remembered(session, list(keyed))
        ready = {line.id for key in done for line in keyed[key].lines}
        calls = [commission.expected(batch) for key, batch in keyed.items() if key not in done]
        return Outlook(
            sum(len(unit.segments) for unit in units if unit.id in ready),
            self._prices.estimate(calls, commission.engine.queue),
        )

    def check_pair(self, source: str, target: str) -> None:
        """Raises `Problem`: an engine not configured or not able."""
        self._translator().check_pair(source, target)

    def check_limit(self, request: TranslateSubtitles) -> None:
        """Raises `Problem`: a limit on costs that are not known, an engine not configured."""
        engine = self._translator()
        self._prices.check_limit(request.max_cost, engine.queue, engine.model_for(request.model))

    async def track(
        self, session: AsyncSession, video_id: str, language: str
    ) -> tuple[Video, TranslatedTrack]:
        """Raises `Problem(VIDEO_NOT_FOUND)` or `Problem(TRANSLATION_NOT_READY)`."""
        return await get_video(session, video_id), await load_track(session, video_id, language)

    async def partial_track(
        self, session: AsyncSession, video_id: str, language: str
    ) -> tuple[Video, TranslatedTrack] | None:
        """What a running translation into the language has translated so far."""
        video = await get_video(session, video_id)
        jobs = await running_jobs(session, video_id, JobType.TRANSLATION)
        job = next((job for job in jobs if job.request["target_language"] == language), None)
        if job is None:
            return None
        request = TranslateSubtitles.model_validate(job.request, strict=False)
        row = Translation(
            video_id=video_id,
            target_language=language,
            source_language=(await load_original(session, video_id)).row.language,
            translation_model=request.model,
            model_used=self._translator().model_for(request.model),
            untranslated=[],
            missed_terms=[],
            doubtful=[],
            revision=0,
            created_at=job.created_at,
            updated_at=job.updated_at,
        )
        return video, TranslatedTrack(row, segments_from_json(await segments_so_far(session, job.id)))

    async def edit(
        self, session: AsyncSession, video: Video, track: TranslatedTrack, update: TrackUpdate
    ) -> TranslatedTrack:
        """Changes the segments named and takes those with a new text off the lists of what to look at.

        Raises `Problem` naming the segment at fault.
        """
        changes = [segment.as_change() for segment in update.segments]
        changed = apply_changes(track.segments, changes, duration=video.duration)
        # Who sends back what was read sets nobody.
        segments = with_own_speakers(changed, track.turns)
        mended = {change.id for change in changes if change.text is not None or change.deleted}
        row = track.row
        row.list_only({segment.id for segment in segments} - mended)
        await save_track(session, row, segments)
        return replace(track, segments=segments)

    async def fix(
        self, video_id: str, language: str, *, if_match: str | None, dry_run: bool
    ) -> tuple[Video, TranslatedTrack, TranslatedTrack]:
        """As `SubtitleService.fix` does it for the original."""
        while True:
            async with self._database.read() as session:
                video, track = await self.track(session, video_id, language)
            check_etag(if_match, etag(track))
            lines = await mended(track.voiced, video, language)
            segments = with_own_speakers(lines, track.turns)
            if dry_run or lines == track.voiced:
                return video, track, replace(track, segments=segments)
            async with self._database.write() as session:
                await take_turn(session, video_id)
                row = await session.get(Translation, (video_id, language))
                if row is not None and row.revision == track.row.revision:
                    row.list_only({segment.id for segment in segments})
                    await save_track(session, row, segments)
                    return video, track, replace(track, row=row, segments=segments)

    async def replace(
        self, session: AsyncSession, video: Video, language: str, file: TrackFile
    ) -> TranslatedTrack:
        """The file's cues become the track, which is created if there is none."""
        track = await find_track(session, video.id, language)
        original = await find_original(session, video.id)
        row = track.row if track else Translation(video_id=video.id, target_language=language)
        row.source_language = original.row.language if original else video.source_language
        row.translation_model = row.model_used = None
        row.untranslated, row.missed_terms, row.doubtful = [], [], []
        turns = await turns_of(session, video.id)
        # A file that was downloaded tells the original's speakers too.
        segments = with_own_speakers(_beside_original(segments_of(file.cues), original), turns)
        await save_track(session, row, segments, made_from=())
        return TranslatedTrack(row, segments, turns)


def etag(track: TranslatedTrack) -> str:
    """Who speaks may change with the original."""
    row = track.row
    voices = f"-{crc32(repr(track.turns).encode()):08x}" if track.turns else ""
    return f'"{row.video_id}-{row.target_language}-{row.revision}{voices}"'


def _beside_original(segments: Sequence[Segment], original: OriginalTrack | None) -> tuple[Segment, ...]:
    """Each brought line is shown beside the original line that it overlaps the longest."""
    sources = beside(segments, original.segments if original else ())
    return tuple(
        replace(line, original_text=source.text if source else None)
        for line, source in zip(segments, sources, strict=True)
    )
