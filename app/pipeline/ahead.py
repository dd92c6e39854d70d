"""The sound of a dub, mixed while its last lines are still being spoken, wherever that is."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Problem
from app.jobs.models import ACTIVE, Job, JobType
from app.jobs.partial import segments_so_far
from app.jobs.storage import stages_of
from app.jobs.task import RunningJob
from app.pipeline.schemas import DubVideo
from app.render.ducking import Span
from app.render.head_start import HeadStarts
from app.render.measuring import PlannedClip
from app.render.schemas import GenerateDubbedVideo
from app.translation.storage import load_track
from app.tts.foretelling import ForetoldLine, foretold_lines
from app.tts.script import slots_of
from app.videos.storage import get_video

LOOKING_SECONDS = 0.25

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MixingAhead:
    """Goes by what the speech in a `language` tells of its lines while it runs. What fails is left to the
    stage that makes the video."""

    job: RunningJob[DubVideo]
    language: str
    head_starts: HeadStarts

    async def run(self, request: GenerateDubbedVideo) -> None:
        with TemporaryDirectory(dir=self.job.scratch) as folder:
            try:
                await self._mix(request, Path(folder))
            except (Problem, SQLAlchemyError, OSError) as error:
                logger.info("task %s does not mix ahead: %s", self.job.attempt.job_id, error)

    async def _mix(self, request: GenerateDubbedVideo, folder: Path) -> None:
        start = await self.head_starts.begin(self.job.video_id, request, folder)
        await start.listen()
        slots: dict[int, Span] = {}
        async for lines in self._foretold():
            slots = slots or await self._slots()
            await start.mix(slots, {line.id: _planned(line) for line in lines})

    async def _foretold(self) -> AsyncIterator[tuple[ForetoldLine, ...]]:
        """All that are told so far, whenever there are more."""
        count = 0
        while True:
            async with self.job.database.read() as session:
                speech = await self._speech(session)
                if speech is not None and speech.status not in ACTIVE:
                    return
                more = speech is not None and speech.segments_so_far > count
                lines = await segments_so_far(session, speech) if speech is not None and more else []
            if lines:
                count = len(lines)
                yield foretold_lines(lines)
            else:
                await asyncio.sleep(LOOKING_SECONDS)

    async def _speech(self, session: AsyncSession) -> Job | None:
        """The last of this language, None before it is begun."""
        stages = await stages_of(session, self.job.attempt.job_id)
        speech = [stage for stage in stages if stage.job_type is JobType.TTS_GENERATION]
        return next((stage for stage in reversed(speech) if stage.request["language"] == self.language), None)

    async def _slots(self) -> dict[int, Span]:
        async with self.job.database.read() as session:
            video = await get_video(session, self.job.video_id)
            translation = await load_track(session, self.job.video_id, self.language)
        slots = slots_of(translation.voiced, video.duration)
        return {slot.id: Span(slot.start, slot.end) for slot in slots}


def _planned(line: ForetoldLine) -> PlannedClip | None:
    return None if line.clip is None else PlannedClip(line.id, line.clip, line.start, line.duration)
