"""What a project uses of what it may: stored bytes, minutes of media, money in a month, jobs at once."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import insert_into, take_turn, utc_now
from app.core.errors import ErrorCode, Problem
from app.ledger.limits import MonthLimit, spent_within
from app.projects.models import Holding, ProcessedMedia, Project


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


async def hold(session: AsyncSession, project_id: str, video_id: str, seconds: float, size: int = 0) -> None:
    """The new video is in the project: its length in seconds, its file's size in bytes."""
    session.add(Holding(video_id=video_id, project_id=project_id, seconds=seconds, bytes=size))
    await session.flush()


async def grow(session: AsyncSession, video_id: str, size: int) -> None:
    """So many bytes more are stored for a video, or less."""
    await session.execute(
        update(Holding).where(Holding.video_id == video_id).values(bytes=Holding.bytes + size)
    )


async def empty(session: AsyncSession, video_id: str) -> None:
    """Nothing is stored for the video any more."""
    await session.execute(update(Holding).where(Holding.video_id == video_id).values(bytes=0))


async def check_room(session: AsyncSession, project_id: str, size: int) -> None:
    """Whether so many bytes more may be stored. Raises `Problem(QUOTA_REACHED)`."""
    await take_turn(session, project_id)
    (await room_in(session, project_id)).check(size)


async def room_in(session: AsyncSession, project_id: str) -> Room:
    project = await session.get_one(Project, project_id)
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
