"""Who may look at a task, and who may stop it or start it again: by the video it is about."""

from fastapi import Security
from fastapi.security import SecurityScopes
from sqlalchemy import select

from app.core.caller import Identified, Scope
from app.core.errors import ErrorCode, Problem
from app.core.schemas import TaskId
from app.jobs.models import Job
from app.projects.access import OwnDatabase, check_video_access, refuse_links


async def task_members(
    task_id: TaskId, caller: Identified, scopes: SecurityScopes, database: OwnDatabase
) -> None:
    """Raises `Problem(TASK_NOT_FOUND)` or `Problem(FORBIDDEN)`."""
    refuse_links(caller)
    async with database.read() as session:
        video_id = await session.scalar(select(Job.video_id).where(Job.id == task_id))
        unknown = Problem(ErrorCode.TASK_NOT_FOUND, task_id=task_id)
        await check_video_access(session, caller, video_id or "", scopes, unknown)


TASK_READERS = Security(task_members, scopes=[Scope.VIDEOS_READ])
TASK_RUNNERS = Security(task_members, scopes=[Scope.JOBS_RUN])
