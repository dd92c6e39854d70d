"""What a job of the speech feature would find and what it would ask for, told without doing it."""

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import utc_now
from app.ledger.usage import Usage
from app.memo import remembered
from app.subtitles.segments import Segment
from app.tts.choosing import WordingChoice, limits_of
from app.tts.engines.base import TTSClient
from app.tts.script import Line, lines_of
from app.tts.speaking import speech_unit
from app.tts.speech_task import SpeechTask
from app.tts.storage import SpokenTrack, known_paces
from app.tts.wording import LengthEstimate, said
from app.videos.models import Video


async def speech_outlook(
    session: AsyncSession,
    engine: TTSClient,
    video: Video,
    task: SpeechTask,
    segments: Sequence[Segment],
    former: SpokenTrack | None,
) -> tuple[int, list[Usage]]:
    """How many of the segments the memo has spoken, and the calls for the others: each in the wording that
    is spoken first, as nearly as can be told before the voice is heard."""
    paces = await known_paces(session, video.id, task.language, engine.model, utc_now())
    estimate = LengthEstimate(task.language, paces)
    wordings = await asyncio.to_thread(_wordings, task, segments, former, video.duration, estimate)
    keys = [speech_unit(engine, task.language, text, line.delivery).key for line, text in wordings]
    done = await remembered(session, keys)
    calls = [
        Usage(
            engine.name,
            "speech",
            engine.model,
            audio_seconds=estimate.seconds(text, line.delivery.voice_id),
            characters=len(said(text)),
        )
        for (line, text), key in zip(wordings, keys, strict=True)
        if key not in done
    ]
    return len(wordings) - len(calls), calls


def _wordings(
    task: SpeechTask,
    segments: Sequence[Segment],
    former: SpokenTrack | None,
    duration: float,
    estimate: LengthEstimate,
) -> list[tuple[Line, str]]:
    lines = lines_of(task, segments, former, duration)
    choice = WordingChoice([line.slot for line in lines], duration, limits_of(task.options), estimate)
    return [(line, choice.wording(line, index)) for index, line in enumerate(lines)]
