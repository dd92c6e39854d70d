"""Tasks over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.core.caller import Identified
from app.core.database import ReadSession, WriteSession
from app.core.errors import ErrorCode
from app.core.links import BaseUrl, Texts
from app.core.openapi import STARTED, problems
from app.core.paging import Paging
from app.core.resources import owned
from app.core.schemas import Reference, TaskId
from app.idempotency.claim import RepeatableRoute
from app.jobs.access import TASK_RUNNERS, ReadableTask
from app.jobs.models import Job, JobStatus
from app.jobs.presenter import present_task
from app.jobs.scheduler import JobScheduler
from app.jobs.schemas import RetryTask, TaskPage, TaskResponse
from app.jobs.storage import list_jobs
from app.projects.access import READERS, videos_within_reach

router = APIRouter(prefix="/api/tasks", tags=["tasks"], route_class=RepeatableRoute)

Scheduler = Annotated[JobScheduler, Depends(owned(JobScheduler))]


@router.get(
    "",
    operation_id="listTasks",
    summary="List tasks",
    dependencies=[READERS],
    responses=problems(ErrorCode.INVALID_CURSOR),
)
async def list_tasks(
    caller: Identified,
    session: ReadSession,
    base: BaseUrl,
    texts: Texts,
    paging: Paging,
    reference: Annotated[Reference | None, Query(description="Only tasks with this reference.")] = None,
    status: Annotated[JobStatus | None, Query(description="Only tasks in this state.")] = None,
) -> TaskPage:
    """Of all videos in your projects, newest first."""
    shown = videos_within_reach(caller, Job.video_id)
    found = await list_jobs(session, shown, paging.rows, paging.before("task"), reference, status)
    page = paging.page(found, lambda job: job.id)
    return TaskPage(tasks=[present_task(job, base, texts) for job in page.rows], next_cursor=page.next_cursor)


@router.get(
    "/{task_id}",
    operation_id="getTask",
    summary="A task as it stands",
    responses=problems(ErrorCode.TASK_NOT_FOUND),
)
async def get_task(job: ReadableTask, base: BaseUrl, texts: Texts) -> TaskResponse:
    """Progress while it runs, `result` when it is completed, `error` when it failed."""
    return present_task(job, base, texts)


@router.post(
    "/{task_id}/cancel",
    operation_id="cancelTask",
    summary="Cancel a task",
    dependencies=[TASK_RUNNERS],
    responses=problems(ErrorCode.TASK_NOT_FOUND, ErrorCode.TASK_NOT_ACTIVE),
)
async def cancel_task(
    task_id: TaskId, session: WriteSession, scheduler: Scheduler, base: BaseUrl, texts: Texts
) -> TaskResponse:
    """FFmpeg and open requests end at once; finished units are kept for a retry."""
    return present_task(await scheduler.cancel(session, task_id), base, texts)


@router.post(
    "/{task_id}/retry",
    operation_id="retryTask",
    summary="Retry a failed or cancelled task",
    dependencies=[TASK_RUNNERS],
    status_code=202,
    responses=STARTED
    | problems(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.TASK_NOT_FOUND,
        ErrorCode.TASK_NOT_RETRYABLE,
        ErrorCode.QUOTA_REACHED,
    ),
)
async def retry_task(
    task_id: TaskId,
    session: WriteSession,
    scheduler: Scheduler,
    response: Response,
    base: BaseUrl,
    texts: Texts,
    body: RetryTask | None = None,
) -> TaskResponse:
    """The same task goes on from its last finished unit."""
    job = await scheduler.retry(session, task_id, body.max_cost if body else None)
    response.headers["Location"] = f"/api/tasks/{job.id}"
    return present_task(job, base, texts)
