"""VideoGenerator: starting renders and finding what they made."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import ErrorCode, Problem
from app.jobs.models import Job, JobType
from app.jobs.scheduler import JobScheduler
from app.jobs.task import Workload
from app.render.models import GeneratedVideo
from app.render.schemas import GenerateDubbedVideo
from app.translation.models import Translation
from app.tts.models import Speech
from app.videos.models import ArtifactKind, Video
from app.videos.revisions import Lineage, lineage_of
from app.videos.storage import get_video

ENCODING_SECONDS = 0.5
COPYING_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Dub:
    """A dubbed video beside its source; `title` in the language of the dub."""

    video: Video
    generated: GeneratedVideo
    title: str
    line: Lineage


class VideoGenerator:
    """The use cases of dubbed videos."""

    def __init__(self, scheduler: JobScheduler) -> None:
        self._scheduler = scheduler

    async def start(self, session: AsyncSession, video_id: str, request: GenerateDubbedVideo) -> Job:
        """Raises `Problem`: no such video, no speech in one of the languages."""
        video = await get_video(session, video_id)
        await _require_speech(session, video_id, request)
        return await self._scheduler.start(
            session, JobType.VIDEO_GENERATION, video_id, request, "cpu", self.work(video, request), request
        )

    def work(self, video: Video, request: GenerateDubbedVideo) -> Workload:
        copies = request.options.subtitles != "burned" and request.output.copies(video.info)
        kind, prior = ("copy", COPYING_SECONDS) if copies else ("encode", ENCODING_SECONDS)
        # Beside a copied picture the sounds are the work.
        units = video.duration * (len(request.spoken) if copies else 1)
        return Workload(units, f"{JobType.VIDEO_GENERATION}:{kind}", prior)

    async def dub(self, session: AsyncSession, video_id: str, language: str) -> Dub:
        """Raises `Problem(VIDEO_NOT_FOUND)` or `Problem(DUB_NOT_READY)`."""
        video = await get_video(session, video_id)
        generated = await find_dub(session, video_id, language)
        if generated is None:
            raise Problem(ErrorCode.DUB_NOT_READY, video_id=video_id, language=language)
        translation = await session.get(Translation, (video_id, language))
        line = await lineage_of(session, video_id, ArtifactKind.DUB, language)
        return Dub(video, generated, (translation and translation.title) or video.title, line)


async def _require_speech(session: AsyncSession, video_id: str, request: GenerateDubbedVideo) -> None:
    for index, language in enumerate(request.spoken):
        if await session.get(Speech, (video_id, language)) is None:
            field = None if request.languages is None else f"languages.{index}"
            raise Problem(ErrorCode.SPEECH_NOT_READY, field=field, video_id=video_id, language=language)


async def find_dub(session: AsyncSession, video_id: str, language: str) -> GeneratedVideo | None:
    query = select(GeneratedVideo).where(
        GeneratedVideo.video_id == video_id, GeneratedVideo.audio_language == language
    )
    return (await session.scalars(query)).one_or_none()
