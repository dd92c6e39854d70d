"""The Job row: the user's view of long work."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    String,
    case,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column

from app.core.database import Base, utc_now
from app.core.sealed_columns import SealedJson
from app.ledger.models import UsageEntry


class JobType(StrEnum):
    """What a task makes."""

    SUBTITLE_EXTRACTION = "subtitle_extraction"
    TRANSLATION = "translation"
    TTS_GENERATION = "tts_generation"
    VIDEO_GENERATION = "video_generation"
    VIDEO_TRIM = "video_trim"
    DUB = "dub"


class JobStatus(StrEnum):
    """`queued` and `processing` are active; the others are final until a retry."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class EventKind(StrEnum):
    """What can happen to a task. A retry queues it again; `task.paused` is one that waits for its engine."""

    QUEUED = "task.queued"
    STARTED = "task.started"
    PROGRESS = "task.progress"
    COMPLETED = "task.completed"
    FAILED = "task.failed"
    CANCELLED = "task.cancelled"
    PAUSED = "task.paused"


# Cuts have a queue of their own: jobs in the others wait for them. So have jobs that wait for other jobs.
QueueName = Literal["api", "cpu", "trim", "pipeline"]

ACTIVE = (JobStatus.QUEUED, JobStatus.PROCESSING)
RETRYABLE = (JobStatus.FAILED, JobStatus.CANCELLED)

Details = dict[str, str | float]


class PartialResult(Base):
    """A finished part of what an attempt at a job makes: the `segments` of a stretch of the video."""

    __tablename__ = "partial_results"

    task_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]
    segments: Mapped[list[dict[str, object]]] = mapped_column(SealedJson("partial_results.segments"))


_ITS_ID, _ITS_ATTEMPT = literal_column("jobs.id", String()), literal_column("jobs.attempt", Integer())
_SPENT = (
    select(
        case(
            (func.count() > func.count(UsageEntry.cost), None),
            else_=func.coalesce(func.sum(UsageEntry.cost), 0.0),
        )
    )
    .where(or_(UsageEntry.task_id == _ITS_ID, UsageEntry.parent_id == _ITS_ID))
    .scalar_subquery()
)
_DONE_SO_FAR = (
    select(func.coalesce(func.sum(PartialResult.count), 0))
    .where(PartialResult.task_id == _ITS_ID, PartialResult.attempt == _ITS_ATTEMPT)
    .scalar_subquery()
)


class Job(Base):
    """Messages and errors are kept as keys with details, so that every reader gets their own language.

    `ticket` is its place in the queue; a retry draws a new one. `attempt` counts how often it has begun: what
    an earlier attempt still writes no longer counts. `interruptions` counts those that ended without a word,
    with their process, since it last got further. `parent_id` is the job that it is a stage of, `worker`
    the process that runs it. The higher the `priority`, the sooner it is taken, but not before `not_before`,
    which is set while it is paused; `paused_since` is when that began, until it gets further again.
    `max_cost` is what it may come to, in US dollars, and `reference` the client's own name for it. `cost` is
    what it and its stages have come to, None if something of that has no known price, and `segments_so_far`
    how many of its segments can be read while it runs.
    `fingerprint` is equal for requests that ask for exactly the same work; `units` is how much work it is
    (seconds of video, lines or segments) and `rate_key` names what kind of unit, for estimates.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_rate", "rate_key", "status", "completed_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    job_type: Mapped[JobType]
    status: Mapped[JobStatus] = mapped_column(default=JobStatus.QUEUED, index=True)
    queue: Mapped[QueueName] = mapped_column(String)
    ticket: Mapped[str]
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    worker: Mapped[str | None]
    priority: Mapped[int] = mapped_column(default=0)
    reference: Mapped[str | None] = mapped_column(index=True)
    max_cost: Mapped[float | None]
    not_before: Mapped[datetime | None]
    paused_since: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(default=0)
    interruptions: Mapped[int] = mapped_column(default=0)
    request: Mapped[dict[str, object]] = mapped_column(SealedJson("jobs.request"))
    fingerprint: Mapped[str] = mapped_column(index=True)
    progress: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(default="queued")
    message_details: Mapped[Details] = mapped_column(SealedJson("jobs.message_details"), default=dict)
    result: Mapped[dict[str, object] | None] = mapped_column(SealedJson("jobs.result"))
    error: Mapped[str | None]
    error_details: Mapped[Details | None] = mapped_column(SealedJson("jobs.error_details"))
    units: Mapped[float]
    rate_key: Mapped[str]
    estimated_seconds: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    estimated_completion: Mapped[datetime | None]
    cost: Mapped[float | None] = column_property(_SPENT, expire_on_flush=False)
    segments_so_far: Mapped[int] = column_property(_DONE_SO_FAR, expire_on_flush=False)

    @property
    def folder(self) -> str:
        """The prefix of everything that its attempts store."""
        return f"videos/{self.video_id}/{self.id}/"

    @property
    def objects(self) -> str:
        """The prefix of what its latest attempt stores."""
        return f"{self.folder}{self.attempt}/"


class Event(Base):
    """Something that happened to a task; `task` is its state right after, a `TaskState` as JSON. Events
    outlive their task, or nobody would hear that one was cancelled because its video was deleted.

    Whoever has read up to an id has read every event below it: see `app.jobs.events.record`.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_task", "task_id", "id"),
        Index("ix_events_video", "video_id", "id"),
        {"sqlite_autoincrement": True},  # the id of a deleted event is never given again
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    task_id: Mapped[str]
    video_id: Mapped[str]
    kind: Mapped[EventKind]
    task: Mapped[dict[str, object]] = mapped_column(SealedJson("events.task"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
