"""Who may look at a task, and who may stop it or start it again: by the video it is about."""

from typing import Annotated

from fastapi import Request, Security
from fastapi.security import SecurityScopes
from sqlalchemy import select

from app.core.caller import Identified, Scope
from app.core.database import ReadSession, concerns
from app.core.errors import ErrorCode, Problem
from app.core.schemas import TaskId
from app.jobs.models import Job
from app.projects.access import OwnDatabase, check_access, refuse_links
from app.projects.models import Holding


async def readable_task(
    task_id: TaskId, caller: Identified, scopes: SecurityScopes, session: ReadSession
) -> Job:
    """The task, in one query: people ask for it again and again. Raises `Problem(TASK_NOT_FOUND)` or
    `Problem(FORBIDDEN)`."""
    refuse_links(caller)
    found = await session.execute(
        select(Job, Holding.project_id)
        .join(Holding, Holding.video_id == Job.video_id)
        .where(Job.id == task_id)
    )
    job, project_id = found.one_or_none() or (None, None)
    unknown = Problem(ErrorCode.TASK_NOT_FOUND, task_id=task_id)
    await check_access(session, caller, project_id, scopes, unknown)
    if job is None:
        raise unknown
    return job


async def task_members(
    request: Request, task_id: TaskId, caller: Identified, scopes: SecurityScopes, database: OwnDatabase
) -> None:
    """Raises `Problem(TASK_NOT_FOUND)` or `Problem(FORBIDDEN)`."""
    async with database.read() as session:
        job = await readable_task(task_id, caller, scopes, session)
    concerns(request, job.video_id)


ReadableTask = Annotated[Job, Security(readable_task, scopes=[Scope.VIDEOS_READ])]
TASK_RUNNERS = Security(task_members, scopes=[Scope.JOBS_RUN])
