"""The sound of a dub, mixed while its last lines are still being spoken, wherever that is."""

import asyncio
from collections.abc import AsyncIterator

from app.core.database import Database
from app.jobs.models import ACTIVE
from app.jobs.partial import segments_so_far, told_so_far
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


async def mix_ahead(
    job: RunningJob[DubVideo], head_starts: HeadStarts, speech_id: str, request: GenerateDubbedVideo
) -> None:
    """Goes by what the speech of that task tells of its lines while it runs. Raises whatever the stage that
    makes the video would raise."""
    slots: dict[int, Span] = {}
    async with head_starts.begun(job.video_id, request) as start:
        await start.listen()
        async for lines in _foretold(job.database, speech_id):
            slots = slots or await _slots(job, request.spoken[0])
            await start.mix(slots, {line.id: _planned(line) for line in lines})


async def _foretold(database: Database, speech_id: str) -> AsyncIterator[tuple[ForetoldLine, ...]]:
    """All that are told so far, whenever there are more, until the speech has ended."""
    count = 0
    while True:
        async with database.read() as session:
            status, told = await told_so_far(session, speech_id)
            lines = await segments_so_far(session, speech_id) if told > count else []
        if status not in ACTIVE:
            return
        if lines:
            count = len(lines)
            yield foretold_lines(lines)
        else:
            await asyncio.sleep(LOOKING_SECONDS)


async def _slots(job: RunningJob[DubVideo], language: str) -> dict[int, Span]:
    async with job.database.read() as session:
        video = await get_video(session, job.video_id)
        translation = await load_track(session, job.video_id, language)
    slots = slots_of(translation.voiced, video.duration)
    return {slot.id: Span(slot.start, slot.end) for slot in slots}


def _planned(line: ForetoldLine) -> PlannedClip | None:
    return None if line.clip is None else PlannedClip(line.id, line.clip, line.start, line.duration)
