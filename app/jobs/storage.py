"""JobStorage: the life of a Job row. Every change of state is one guarded UPDATE, so that a late worker
can never bring back a job that was cancelled or finished, and appends its event in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Case, ColumnElement, case, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.database import take_turn, utc_now
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.jobs.events import record
from app.jobs.models import ACTIVE, Details, EventKind, Job, JobStatus, JobType
from app.jobs.pausing import OUTAGES
from app.jobs.schemas import TaskResult
from app.projects.models import Holding

Conditions = tuple[ColumnElement[bool], ...]


class JobNoLongerActive(Exception):
    """The job was cancelled, finished, deleted or begun anew while somebody worked on it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One beginning of a job. Its writes count until the job is final or begins again.

    Those of an assistant never do: its number is 0, and a job's first one is 1.
    """

    job_id: str
    number: int

    @classmethod
    def of_assistant(cls, job_id: str) -> "Attempt":
        return cls(job_id, 0)

    @property
    def assists(self) -> bool:
        return self.number == 0


async def get_job(session: AsyncSession, job_id: str) -> Job:
    """Raises `Problem(TASK_NOT_FOUND)`."""
    job = await session.get(Job, job_id)
    if job is None:
        raise Problem(ErrorCode.TASK_NOT_FOUND, task_id=job_id)
    return job


async def held_job(session: AsyncSession, job_id: str) -> Job:
    """The job, on which nobody else decides until the transaction ends. Raises `Problem(TASK_NOT_FOUND)`."""
    job = await get_job(session, job_id)
    await take_turn(session, job.video_id)
    held = await session.get(Job, job_id, with_for_update=True)
    if held is None:
        raise Problem(ErrorCode.TASK_NOT_FOUND, task_id=job_id)
    return held


async def find_running(session: AsyncSession, fingerprint: str) -> Job | None:
    """The active job that does exactly this work, if there is one."""
    query = select(Job).where(Job.fingerprint == fingerprint, Job.status.in_(ACTIVE))
    return (await session.scalars(query.limit(1))).first()


async def running_jobs(session: AsyncSession, video_id: str, job_type: JobType) -> Sequence[Job]:
    """Those that are worked on, the newest first."""
    query = select(Job).where(Job.video_id == video_id, Job.job_type == job_type)
    query = query.where(Job.status == JobStatus.PROCESSING).order_by(Job.id.desc())
    return (await session.scalars(query)).all()


async def active_jobs(session: AsyncSession, video_id: str | None = None) -> Sequence[Job]:
    query = select(Job).where(Job.status.in_(ACTIVE)).order_by(Job.created_at)
    if video_id is not None:
        query = query.where(Job.video_id == video_id)
    return (await session.scalars(query)).all()


async def active_beside(session: AsyncSession, video_id: str) -> int:
    """How many jobs that are no stages of others wait or run in the video's project."""
    project = select(Holding.project_id).where(Holding.video_id == video_id).scalar_subquery()
    held = select(Holding.video_id).where(Holding.project_id == project)
    count = select(func.count()).where(
        Job.status.in_(ACTIVE), Job.parent_id.is_(None), Job.video_id.in_(held)
    )
    return await session.scalar(count) or 0


async def active_stages(session: AsyncSession, job_id: str) -> Sequence[Job]:
    query = select(Job).where(Job.parent_id == job_id, Job.status.in_(ACTIVE))
    return (await session.scalars(query)).all()


async def stages_of(session: AsyncSession, job_id: str) -> Sequence[Job]:
    """In the order they were started."""
    return (await session.scalars(select(Job).where(Job.parent_id == job_id).order_by(Job.id))).all()


async def list_jobs(
    session: AsyncSession,
    shown: ColumnElement[bool],
    limit: int,
    before: str | None,
    reference: str | None,
    status: JobStatus | None,
) -> Sequence[Job]:
    """Those that are `shown`, newest first; `before` is the id of the last job of the page before."""
    query = select(Job).where(shown).order_by(Job.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Job.id < before)
    if reference is not None:
        query = query.where(Job.reference == reference)
    if status is not None:
        query = query.where(Job.status == status)
    return (await session.scalars(query)).all()


async def jobs_of(session: AsyncSession, video_id: str) -> Sequence[Job]:
    """In the order they were started."""
    return (await session.scalars(select(Job).where(Job.video_id == video_id).order_by(Job.id))).all()


async def forget_jobs(session: AsyncSession, before: datetime) -> None:
    """Those that ended before then. What they made stays; no stage that is retried loses its parent."""
    stage = aliased(Job)
    has_active_stage = exists().where(stage.parent_id == Job.id, stage.status.in_(ACTIVE))
    ended = Job.status.not_in(ACTIVE) & (Job.completed_at < before)
    await session.execute(
        delete(Job).where(ended, ~has_active_stage), execution_options={"synchronize_session": False}
    )


async def first_start(session: AsyncSession) -> datetime | None:
    """When the first of the jobs that run now began, anywhere; None if none does."""
    running = Job.status == JobStatus.PROCESSING
    return await session.scalar(select(func.min(Job.started_at)).where(running))


async def jobs_with(session: AsyncSession, tickets: Sequence[str]) -> Sequence[Job]:
    """The active jobs that wait or run on these tickets, held until the transaction ends."""
    query = select(Job).where(Job.status.in_(ACTIVE), Job.ticket.in_(tickets))
    return (await session.scalars(query.order_by(Job.id).with_for_update())).all()


async def mark_started(session: AsyncSession, job_id: str, ticket: str, worker: str) -> Job:
    """Raises `JobNoLongerActive`, also for a ticket from before a retry."""
    job = await session.get(Job, job_id, with_for_update=True)
    if job is None or job.status not in ACTIVE or job.ticket != ticket:
        raise JobNoLongerActive(job_id)
    interrupted = job.status is JobStatus.PROCESSING
    again = interrupted or job.not_before is not None
    job.interruptions += interrupted
    job.status = JobStatus.PROCESSING
    job.not_before = None
    job.attempt += 1
    job.worker = worker
    job.message, job.message_details = ("resuming" if again else "started"), {}
    job.started_at = job.updated_at = utc_now()
    record(session, EventKind.STARTED, job)
    return job


async def mark_progress(
    session: AsyncSession,
    attempt: Attempt,
    progress: int,
    message: str,
    details: Details,
    estimated_completion: datetime,
) -> None:
    """`progress` in percent; a smaller one than before keeps the old. A greater one ends an outage, and
    clears the job of what interrupted it."""
    further = Job.progress < progress
    await _change(
        session,
        _current(attempt),
        EventKind.PROGRESS,
        progress=_greatest(progress),
        paused_since=case((further, None), else_=Job.paused_since),
        interruptions=case((further, 0), else_=Job.interruptions),
        message=message,
        message_details=details,
        estimated_completion=estimated_completion,
    )


async def hold_current(session: AsyncSession, attempt: Attempt) -> None:
    """Until the transaction ends nobody cancels, retries or deletes the job. Raises `JobNoLongerActive`."""
    query = select(Job.id).where(*_current(attempt)).with_for_update()
    if await session.scalar(query) is None:
        raise JobNoLongerActive(attempt.job_id)


async def mark_completed(session: AsyncSession, attempt: Attempt, result: TaskResult) -> None:
    """In the transaction that makes the job's work visible."""
    await _change(
        session,
        _current(attempt),
        EventKind.COMPLETED,
        status=JobStatus.COMPLETED,
        progress=100,
        message="completed",
        message_details={},
        result=result.model_dump(mode="json"),
        completed_at=utc_now(),
        estimated_completion=None,
    )


async def mark_failed(session: AsyncSession, attempt: Attempt, problem: Problem) -> None:
    await _change(
        session,
        _current(attempt),
        EventKind.FAILED,
        status=JobStatus.FAILED,
        message="failed",
        message_details={},
        error=problem.code,
        error_details=problem.details,
        completed_at=utc_now(),
        estimated_completion=None,
    )


async def mark_cancelled(session: AsyncSession, job_id: str) -> None:
    await _change(
        session,
        (Job.id == job_id, Job.status.in_(ACTIVE)),
        EventKind.CANCELLED,
        status=JobStatus.CANCELLED,
        message="cancelled",
        message_details={},
        not_before=None,
        completed_at=utc_now(),
        estimated_completion=None,
    )


async def is_published(session: AsyncSession, attempt: Attempt) -> bool:
    """Whether it was this attempt that completed the job."""
    query = select(Job.id).where(
        Job.id == attempt.job_id, Job.attempt == attempt.number, Job.status == JobStatus.COMPLETED
    )
    return await session.scalar(query) is not None


def mark_retried(session: AsyncSession, job: Job) -> None:
    """A final job is queued again; what it had finished stays in the memo."""
    job.ticket = new_id("ticket")
    job.status = JobStatus.QUEUED
    job.progress = 0
    job.message, job.message_details = "queued", {}
    job.error, job.error_details, job.result = None, None, None
    job.started_at = job.completed_at = job.estimated_completion = None
    job.not_before = job.paused_since = None
    job.interruptions = 0
    job.updated_at = utc_now()
    record(session, EventKind.QUEUED, job)


def put_back(session: AsyncSession, job: Job, problem: Problem, until: datetime) -> None:
    """A job that met an outage is queued again; what it had finished stays in the memo."""
    job.ticket = new_id("ticket")
    job.status = JobStatus.QUEUED
    job.interruptions = 0
    job.message = OUTAGES[problem.code]
    job.message_details = problem.details | {"until": f"{until:%H:%M} UTC"}
    job.not_before = until
    job.updated_at = utc_now()
    job.paused_since = job.paused_since or job.updated_at
    job.estimated_completion = None
    record(session, EventKind.PAUSED, job)


def _greatest(progress: int) -> Case[int]:
    return case((Job.progress < progress, progress), else_=Job.progress)


def _current(attempt: Attempt) -> Conditions:
    return (
        Job.id == attempt.job_id,
        Job.attempt == attempt.number,
        Job.status == JobStatus.PROCESSING,
    )


async def _change(session: AsyncSession, conditions: Conditions, kind: EventKind, **values: object) -> None:
    statement = update(Job).where(*conditions).values(updated_at=utc_now(), **values).returning(Job)
    options = {"populate_existing": True, "synchronize_session": False}  # the row that returns tells all
    changed = await session.scalars(statement, execution_options=options)
    job = changed.one_or_none()
    if job is None:
        raise JobNoLongerActive
    record(session, kind, job)
