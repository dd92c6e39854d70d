"""What a project uses of what it may: stored bytes, minutes of media, money in a month, jobs at once."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import insert_into, take_turn, utc_now
from app.core.errors import ErrorCode, Problem
from app.ledger.limits import MonthLimit, spent_within
from app.projects.models import HeldObject, Holding, ProcessedMedia, Project


@dataclass(frozen=True, slots=True)
class Room:
    """In a project: `used` bytes are stored of the `most` that may be; None is no limit."""

    used: int
    most: int | None

    @property
    def left(self) -> float:
        return math.inf if self.most is None else self.most - self.used

    def check(self, size: int) -> None:
        """Whether so many bytes more may be stored. Raises `Problem(QUOTA_REACHED)`."""
        if self.most is not None and size > self.left:
            raise _reached("most_bytes", str(self.used), str(self.most))


async def hold(session: AsyncSession, project_id: str, video_id: str, seconds: float) -> None:
    """The new video is in the project, with its length in seconds."""
    session.add(Holding(video_id=video_id, project_id=project_id, seconds=seconds))
    await session.flush()


async def count(session: AsyncSession, video_id: str, objects: Mapping[str, int]) -> None:
    """What is stored for a video: bytes by the keys of objects, each of which counts once."""
    rows = [{"key": key, "video_id": video_id, "bytes": size} for key, size in objects.items()]
    inserted = insert_into(session, HeldObject).values(rows).on_conflict_do_nothing()
    await _grow(session, video_id, sum(await session.scalars(inserted.returning(HeldObject.bytes))))


async def discount(session: AsyncSession, video_id: str, prefix: str) -> int:
    """What was stored for a video under a prefix is about to go. Returns how many bytes that were."""
    theirs = HeldObject.key.startswith(prefix, autoescape=True)
    gone = delete(HeldObject).where(HeldObject.video_id == video_id, theirs)
    freed = sum(await session.scalars(gone.returning(HeldObject.bytes)))
    await _grow(session, video_id, -freed)
    return freed


async def publish_objects(
    session: AsyncSession, video_id: str, objects: Mapping[str, int], instead_of: str | None = None
) -> None:
    """They count from now on, those under the prefix `instead_of` no longer.

    Raises `Problem(QUOTA_REACHED)` if there is no room for that, unless it takes less than before.
    """
    holding = await session.get(Holding, video_id)
    if holding is None:
        return
    await take_turn(session, holding.project_id)
    freed = 0 if instead_of is None else await discount(session, video_id, instead_of)
    size = sum(objects.values())
    if size > freed:
        await check_room(session, holding.project_id, size)
    await count(session, video_id, objects)


async def empty(session: AsyncSession, video_id: str) -> None:
    """Nothing is stored for the video any more."""
    await session.execute(delete(HeldObject).where(HeldObject.video_id == video_id))
    await session.execute(update(Holding).where(Holding.video_id == video_id).values(bytes=0))


async def check_room(session: AsyncSession, project_id: str, size: int) -> None:
    """Whether so many bytes more may be stored. Raises `Problem(QUOTA_REACHED)`, or
    `Problem(PROJECT_NOT_FOUND)` if the project was deleted before its turn came."""
    await take_turn(session, project_id)
    (await room_in(session, project_id)).check(size)


async def room_in(session: AsyncSession, project_id: str) -> Room:
    """Raises `Problem(PROJECT_NOT_FOUND)`."""
    project = await session.get(Project, project_id)
    if project is None:
        raise Problem(ErrorCode.PROJECT_NOT_FOUND, field="project_id", project_id=project_id)
    if project.most_bytes is None:
        return Room(0, None)
    return Room(await _stored(session, project_id), project.most_bytes)


async def most_room(session: AsyncSession, project_ids: Iterable[str]) -> Room:
    """That of the project which has the most left."""
    rooms = [await room_in(session, project_id) for project_id in project_ids]
    return max(rooms, key=lambda room: room.left)


async def begin_work(session: AsyncSession, video_id: str, active: int) -> None:
    """A task is about to begin on a video: its length counts. `active` others of the project are waiting or
    running. What it may cost in the month is found before each of its calls.

    Raises `Problem(QUOTA_REACHED)`.
    """
    holding = await session.get(Holding, video_id)
    if holding is None:
        return
    project = await session.get_one(Project, holding.project_id)
    if project.most_jobs is not None and active >= project.most_jobs:
        raise _reached("most_jobs", str(active), str(project.most_jobs))
    await check_room(session, project.id, 1)  # how much a task is to store is known at its end
    await _count_minutes(session, project, holding.seconds)
    await _check_money(session, project)


async def _check_money(session: AsyncSession, project: Project) -> None:
    if project.most_cost is None:
        return
    limit = MonthLimit(project.id, project.most_cost)
    spent = await spent_within(session, limit)
    if spent >= limit.dollars:
        raise limit.reached(spent)


async def _count_minutes(session: AsyncSession, project: Project, seconds: float) -> None:
    if project.most_minutes is not None:
        used = await _minutes(session, project.id)
        if used + seconds / 60 > project.most_minutes:
            raise _reached("most_minutes", f"{used:.1f}", f"{project.most_minutes:g}")
    row = {"project_id": project.id, "month": _month(), "seconds": seconds}
    statement = insert_into(session, ProcessedMedia).values(row)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["project_id", "month"], set_={"seconds": ProcessedMedia.seconds + seconds}
        )
    )


async def _grow(session: AsyncSession, video_id: str, size: int) -> None:
    await session.execute(
        update(Holding).where(Holding.video_id == video_id).values(bytes=Holding.bytes + size)
    )


async def _stored(session: AsyncSession, project_id: str) -> int:
    sizes = select(func.coalesce(func.sum(Holding.bytes), 0)).where(Holding.project_id == project_id)
    return await session.scalar(sizes) or 0


async def _minutes(session: AsyncSession, project_id: str) -> float:
    processed = await session.get(ProcessedMedia, (project_id, _month()), populate_existing=True)
    return 0.0 if processed is None else processed.seconds / 60


def _month() -> str:
    return f"{utc_now():%Y-%m}"


def _reached(quota: str, used: str, most: str) -> Problem:
    return Problem(ErrorCode.QUOTA_REACHED, quota=quota, used=used, most=most)
