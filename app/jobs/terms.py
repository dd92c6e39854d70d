"""The terms of a task together with what its project adds to them."""

from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.jobs.schemas import TaskTerms
from app.projects.access import holder

T = TypeVar("T", bound=TaskTerms)


async def bounded(session: AsyncSession, video_id: str, terms: T) -> T:
    """With a limit on costs also where only the project has one for the month: to keep it, too, takes
    prices."""
    project = await holder(session, video_id)
    if project is None or project.most_cost is None or terms.max_cost is not None:
        return terms
    return terms.model_copy(update={"max_cost": project.most_cost})
