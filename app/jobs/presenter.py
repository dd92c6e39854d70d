"""A job as the API shows it, in the reader's language and with links they can follow."""

from typing import TypeVar

from fastapi import Response

from app.core.errors import ErrorCode
from app.core.locales import Catalogue
from app.jobs.events import TaskState
from app.jobs.models import Job, JobStatus, JobType
from app.jobs.schemas import (
    RESULT_TYPES,
    PartialProgress,
    StartedTask,
    TaskError,
    TaskResponse,
    TaskResult,
    VideoJob,
)

S = TypeVar("S", bound=StartedTask)


def present_task(job: Job | TaskState, base: str, texts: Catalogue) -> TaskResponse:
    return TaskResponse(
        task_id=job.id,
        video_id=job.video_id,
        type=job.job_type,
        status=job.status,
        progress=job.progress,
        message=texts.task(job.message, job.message_details),
        created_at=job.created_at,
        updated_at=job.updated_at,
        reference=job.reference,
        parent_id=job.parent_id,
        priority=job.priority,
        not_before=job.not_before,
        cost=job.cost and round(job.cost, 9),
        completed_at=job.completed_at,
        estimated_completion=job.estimated_completion,
        partial=_partial(job, base),
        result=_result(job, base),
        error=_error(job, texts),
    )


def present_video_job(job: Job) -> VideoJob:
    return VideoJob(
        job_id=job.id,
        job_type=job.job_type,
        status=job.status,
        progress=job.progress,
        created_at=job.created_at,
        completed_at=job.completed_at,
    )


def accepted(job: Job, response: Response, shape: type[S], **about: object) -> S:
    """The answer to a request that started a job, in its own `shape`, which also tells what it is `about`."""
    response.headers["Location"] = f"/api/tasks/{job.id}"
    return shape(
        task_id=job.id,
        status="queued" if job.status is JobStatus.QUEUED else "processing",
        estimated_time=max(1, round(job.estimated_seconds)),
        video_id=job.video_id,
        **about,
    )


def _partial(job: Job | TaskState, base: str) -> PartialProgress | None:
    """Told of the task as it stands: what it had at the moment of an event is gone."""
    if not isinstance(job, Job) or job.status is not JobStatus.PROCESSING or not job.segments_so_far:
        return None
    if job.job_type not in (JobType.SUBTITLE_EXTRACTION, JobType.TRANSLATION):
        return None
    language = job.request.get("target_language")
    track = "original" if language is None else f"translations/{language}"
    url = f"{base}/api/videos/{job.video_id}/subtitles/{track}?partial=true"
    return PartialProgress(segments_count=job.segments_so_far, url=url)


def _result(job: Job | TaskState, base: str) -> TaskResult | None:
    if job.status is not JobStatus.COMPLETED or job.result is None:
        return None
    return RESULT_TYPES[job.job_type].model_validate(job.result).with_base(base)


def _error(job: Job | TaskState, texts: Catalogue) -> TaskError | None:
    if job.error is None:
        return None
    code = ErrorCode(job.error)
    text = texts.error(code, job.error_details or {})
    return TaskError(code=code, message=text.detail, next=text.next)
