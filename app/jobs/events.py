"""The event log: everything that happened to tasks, in one order that every reader sees."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, delete, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.standing import is_still_known
from app.core.caller import Caller, CallerKind
from app.core.concurrency import seen_through
from app.core.database import Database, before_commit
from app.jobs.models import ACTIVE, Details, Event, EventKind, Job, JobStatus, JobType
from app.projects.access import videos_within_reach

WATCH_INTERVAL = 0.25
# Who comes back shows them again, and misses nothing.
LONGEST_SECONDS = 900.0
PAGE = 200
PROGRESS_KEPT = timedelta(hours=1)
# Any number that no other advisory lock of the database uses.
APPENDING = 0x6576656E74


class TaskState(BaseModel):
    """What the API shows of a task, as it was at some moment."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    id: str
    video_id: str
    job_type: JobType
    status: JobStatus
    progress: int
    message: str
    message_details: Details
    result: dict[str, object] | None
    error: str | None
    error_details: Details | None
    reference: str | None
    parent_id: str | None
    priority: int
    not_before: datetime | None
    cost: float | None = None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    estimated_completion: datetime | None


@dataclass(frozen=True, slots=True)
class Topic:
    """Whose events: one task's, one video's or everybody's; of the videos within the reach of a `caller`, as
    far as that is at each moment. None is the server itself."""

    task_id: str | None = None
    video_id: str | None = None
    caller: Caller | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What a follower is told: a task at some moment, or with None that what it asked for is no longer kept.

    `id` is where to go on from; None where going on would leave something out.
    """

    id: int | None
    task: TaskState | None


def record(session: AsyncSession, kind: EventKind, job: Job) -> None:
    """Appends the event when the transaction commits; `job` has been flushed."""
    stored = {name: getattr(job, name) for name in TaskState.model_fields if name != "cost"}
    state = TaskState.model_validate(stored)
    event = Event(task_id=job.id, video_id=job.video_id, kind=kind, task=state.model_dump(mode="json"))
    before_commit(session, partial(_append, session, event))


async def events_after(session: AsyncSession, cursor: int, topic: Topic) -> Sequence[Event]:
    """The next of them, oldest first."""
    query = select(Event).where(Event.id > cursor).order_by(Event.id).limit(PAGE)
    if topic.task_id is not None:
        query = query.where(Event.task_id == topic.task_id)
    if topic.video_id is not None:
        query = query.where(Event.video_id == topic.video_id)
    if topic.caller is not None:
        query = query.where(videos_within_reach(topic.caller, Event.video_id))
    return (await session.scalars(query)).all()


async def newest_event(session: AsyncSession) -> int:
    """The id of the last event of all; 0 before the first."""
    return await session.scalar(select(func.max(Event.id))) or 0


async def forget_progress(session: AsyncSession, now: datetime) -> None:
    """What later events have long superseded: an hour of work leaves thousands."""
    old = delete(Event).where(Event.kind == EventKind.PROGRESS, Event.created_at < now - PROGRESS_KEPT)
    await session.execute(old)


async def forget_events(session: AsyncSession, before: datetime) -> None:
    """From the log's start to the last event of that time, so that it is known which ids are no longer kept;
    but never the last of all, or it would not be known where the log stands."""
    last = select(func.max(Event.id)).where(Event.created_at < before).scalar_subquery()
    newest = select(func.max(Event.id)).scalar_subquery()
    await session.execute(delete(Event).where(Event.id <= last, Event.id < newest))


class EventLog:
    """Hands the events of every process to those who follow them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._closed = asyncio.Event()

    def close(self) -> None:
        """Ends whatever follows the log."""
        self._closed.set()

    async def follow(self, topic: Topic, last_seen: str | None) -> AsyncIterator[Notice]:
        """What happened after the event `last_seen` and whatever happens from now on; without it, or if
        events after it are no longer kept, from the present state on. One task's events end with the one
        that makes it final.

        Who leaves does not break a read off: a connection to the database would be lost with it."""
        kept = None if last_seen is None else await seen_through(self._kept(last_seen))
        cursor = kept or 0
        if kept is None:
            if last_seen is not None:
                yield Notice(None, None)
            cursor, tasks = await seen_through(self._present(topic))
            for task in tasks[:-1]:
                yield Notice(None, task)
            yield Notice(cursor, tasks[-1] if tasks else None)
        leaving = _leaving_time(topic.caller)
        while not self._closed.is_set() and asyncio.get_running_loop().time() < leaving:
            ended, events, newest = await seen_through(self._next(topic, cursor))
            for event in events:
                cursor = event.id
                yield Notice(cursor, TaskState.model_validate(event.task))
            if ended and not events:
                return
            if len(events) < PAGE:
                cursor = max(cursor, newest)  # events of others need not be looked at again
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), WATCH_INTERVAL)

    async def is_over(self, task_id: str, last_seen: str | None) -> bool:
        """Whether the task is final and its last event has been seen."""
        cursor = None if last_seen is None else await self._kept(last_seen)
        if cursor is None:
            return False
        ended, events, _ = await self._next(Topic(task_id=task_id), cursor)
        return ended and not events

    async def _kept(self, last_seen: str) -> int | None:
        """The id, unless events after it have been deleted or it is none of ours."""
        async with self._database.read() as session:
            bounds = await session.execute(select(func.min(Event.id), func.max(Event.id)))
            oldest, newest = bounds.one()
        cursor = int(last_seen) if last_seen.isascii() and last_seen.isdigit() else -1
        return cursor if (oldest or 1) - 1 <= cursor <= (newest or 0) else None

    async def _present(self, topic: Topic) -> tuple[int, list[TaskState]]:
        """The tasks as they stand and the last event that led there, by one statement: PostgreSQL would
        show two of them different moments."""
        newest = select(func.coalesce(func.max(Event.id), 0)).scalar_subquery()
        start = select(literal(1)).subquery()
        query = select(newest, Job).select_from(start).outerjoin(Job, _shown(topic)).order_by(Job.id)
        async with self._database.read() as session:
            rows = (await session.execute(query)).all()
        return rows[0][0], [TaskState.model_validate(job) for _, job in rows if job is not None]

    async def _next(self, topic: Topic, cursor: int) -> tuple[bool, Sequence[Event], int]:
        """Whether nothing more is to come after these, and up to where was looked at least. The task is
        looked at first: it may end in between."""
        async with self._database.read() as session:
            ended = False
            if topic.task_id is not None:
                status = await session.scalar(select(Job.status).where(Job.id == topic.task_id))
                ended = status not in ACTIVE
            newest = await newest_event(session)
            if topic.caller is not None and not await is_still_known(session, topic.caller):
                return True, (), newest
            return ended, await events_after(session, cursor, topic), newest


def _shown(topic: Topic) -> ColumnElement[bool]:
    if topic.task_id is not None:
        return Job.id == topic.task_id
    shown: ColumnElement[bool] = Job.status.in_(ACTIVE)
    if topic.video_id is not None:
        shown &= Job.video_id == topic.video_id
    return shown if topic.caller is None else shown & videos_within_reach(topic.caller, Job.video_id)


def _leaving_time(caller: Caller | None) -> float:
    """By the event loop's clock. Nobody has to show anything at home."""
    if caller is None or caller.kind is CallerKind.HOME:
        return math.inf
    return asyncio.get_running_loop().time() + LONGEST_SECONDS


async def _append(session: AsyncSession, event: Event) -> None:
    """Ids are given in the order of the commits, or a reader who has seen 8 would miss a 7 that is committed
    later. SQLite has one writer at a time; on PostgreSQL a sequence does not wait for commits, so the id
    is drawn under a lock that ends with the transaction. It is the last lock that one takes: nobody
    who holds it waits for another."""
    cost = await session.scalar(select(Job.cost).where(Job.id == event.task_id))  # summed up when asked for
    event.task = event.task | {"cost": cost}
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(APPENDING)))
    session.add(event)
    await session.flush()
