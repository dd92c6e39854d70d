"""AudioStorage: the generated speech of a video in a language, whole."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import delete, func, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import utc_now
from app.core.errors import ErrorCode, Problem
from app.subtitles.cues import Cue, one_at_a_time
from app.tts.models import Speech, SpeechSegment
from app.tts.wording import Pace
from app.videos.models import ArtifactKind, Source
from app.videos.storage import publish


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one segment is spoken. `take` counts how often it was asked for again, so that the memo does
    not answer with the take before. `speaker` names who says it in the video."""

    voice_id: str
    speaking_rate: float
    pitch: float
    volume_gain_db: float
    take: int = 0
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class _Failure:
    code: ErrorCode
    details: dict[str, str | float]

    def problem(self) -> Problem:
        return Problem.recorded(self.code, self.details)


_DELIVERY = TypeAdapter(Delivery)
_FAILURE = TypeAdapter(_Failure)


@dataclass(frozen=True, slots=True)
class SpokenTrack:
    """The row and its segments in order of time."""

    row: Speech
    segments: tuple[SpeechSegment, ...]


async def load_speech_row(session: AsyncSession, video_id: str, language: str) -> Speech:
    """Raises `Problem(SPEECH_NOT_READY)`."""
    row = await session.get(Speech, (video_id, language))
    if row is None:
        raise Problem(ErrorCode.SPEECH_NOT_READY, video_id=video_id, language=language)
    return row


async def load_speech(session: AsyncSession, video_id: str, language: str) -> SpokenTrack:
    """Raises `Problem(SPEECH_NOT_READY)`."""
    row = await load_speech_row(session, video_id, language)
    query = select(SpeechSegment).where(
        SpeechSegment.video_id == video_id, SpeechSegment.language == language
    )
    return SpokenTrack(row, tuple(await session.scalars(query.order_by(SpeechSegment.start_time))))


async def find_speech(session: AsyncSession, video_id: str, language: str) -> SpokenTrack | None:
    row = await session.get(Speech, (video_id, language))
    return None if row is None else await load_speech(session, video_id, language)


async def failed_lines(session: AsyncSession, video_id: str, language: str) -> int:
    """How many lines of a track could not be spoken."""
    query = select(func.count()).where(
        SpeechSegment.video_id == video_id, SpeechSegment.language == language, SpeechSegment.clip.is_(None)
    )
    return int(await session.scalar(query) or 0)


async def save_speech(
    session: AsyncSession,
    row: Speech,
    segments: Sequence[SpeechSegment],
    former: SpokenTrack | None,
    made_from: Sequence[Source] | None = None,
) -> None:
    """Replaces the track and shows it on the video, as `publish` does; the replaced objects are the
    caller's to delete.

    Segments that are the `former` track's own are left as they are: of a long track in which one is spoken
    again, one is written.
    """
    row.updated_at = utc_now()
    current = await session.get(Speech, (row.video_id, row.language))
    stands = former is not None and current is not None and current.objects == former.row.objects
    unchanged = {id(segment) for segment in former.segments} if former is not None and stands else set()
    written = [segment for segment in segments if id(segment) not in unchanged]
    left = {segment.id for segment in segments if id(segment) in unchanged}
    await _delete_all_but(session, row, left, former)
    await session.merge(row)
    await session.flush()
    if written:
        await session.execute(insert(SpeechSegment), [_values(segment) for segment in written])
    await publish(session, row.video_id, ArtifactKind.SPEECH, row.language, made_from)


async def known_paces(
    session: AsyncSession, video_id: str, language: str, model: str, before: datetime
) -> dict[str, Pace]:
    """How fast each voice has spoken in the track that was there at that time.

    What other videos have shown does not count: the same video would become another with each of them.
    """
    track = select(Speech.video_id).where(
        Speech.video_id == video_id,
        Speech.language == language,
        Speech.model_used == model,
        Speech.updated_at < before,
    )
    lines = select(SpeechSegment.delivery, SpeechSegment.text, SpeechSegment.natural_duration)
    lines = lines.where(SpeechSegment.language == language, SpeechSegment.video_id.in_(track))
    paces: dict[str, Pace] = {}
    for delivered, text, seconds in await session.execute(lines.order_by(SpeechSegment.id)):
        if seconds is not None:
            delivery = _DELIVERY.validate_python(delivered)
            pace = Pace(len(text), seconds * delivery.speaking_rate)
            paces[delivery.voice_id] = paces.get(delivery.voice_id, Pace()) + pace
    return paces


async def clips_among(session: AsyncSession, keys: Sequence[str]) -> set[str]:
    """Which of those keys are of lines' sounds."""
    found = await session.scalars(select(SpeechSegment.clip).where(SpeechSegment.clip.in_(keys)))
    return {key for key in found if key is not None}


def spoken_cues(track: SpokenTrack) -> tuple[Cue, ...]:
    """The words that are spoken, shown while they are: never two at once, in order of time.

    A line that the engine failed to speak is shown at its subtitle's own times.
    """
    return one_at_a_time(_spoken_cue(segment) for segment in track.segments)


def delivery_of(segment: SpeechSegment) -> Delivery:
    return _DELIVERY.validate_python(segment.delivery)


def delivery_to_json(delivery: Delivery) -> dict[str, object]:
    data: dict[str, object] = _DELIVERY.dump_python(delivery, mode="json")
    return data


def failure_to_json(problem: Problem) -> dict[str, object]:
    return {"code": problem.code.value, "details": dict(problem.details)}


def failure_of(segment: SpeechSegment) -> Problem | None:
    """Why the segment could not be spoken."""
    return None if segment.failure is None else _FAILURE.validate_python(segment.failure).problem()


async def _delete_all_but(
    session: AsyncSession, row: Speech, left: Set[int], former: SpokenTrack | None
) -> None:
    gone = delete(SpeechSegment).where(
        SpeechSegment.video_id == row.video_id, SpeechSegment.language == row.language
    )
    if left and former is not None:
        gone = gone.where(SpeechSegment.id.in_({segment.id for segment in former.segments} - left))
    await session.execute(gone)


def _values(segment: SpeechSegment) -> dict[str, object]:
    return {column.key: getattr(segment, column.key) for column in inspect(SpeechSegment).column_attrs}


def _spoken_cue(segment: SpeechSegment) -> Cue:
    speaker = delivery_of(segment).speaker
    if segment.clip is None:
        return Cue(segment.start_time, segment.end_time, segment.text, speaker=speaker)
    end = round(segment.placed_start + segment.duration, 3)
    return Cue(segment.placed_start, end, segment.text, speaker=speaker)
