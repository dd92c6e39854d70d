"""The shapes of projects in the API."""

from typing import Annotated

from pydantic import Field

from app.core.schemas import ProjectId, RequestModel, Response, Timestamp
from app.core.text import OneLine
from app.projects.models import Project

ProjectName = Annotated[
    OneLine,
    Field(min_length=1, max_length=100, description="For people.", examples=["Spring campaign"]),
]


class ProjectTerms(RequestModel):
    """What a project is called."""

    name: ProjectName


class Quotas(RequestModel):
    """What a project may use; null is no limit."""

    most_bytes: int | None = Field(
        default=None,
        ge=0,
        le=2**60,
        description="Stored, in bytes: originals and cuts, dubs with their reports, and the pictures, "
        "previews and files of speech that were asked for. What is kept for reuse is shared and does not "
        "count.",
        examples=[107374182400],
    )
    most_minutes: float | None = Field(
        default=None,
        ge=0,
        le=1e9,
        allow_inf_nan=False,
        description="Minutes of media that tasks work on in a calendar month (UTC).",
        examples=[600],
    )
    most_cost: float | None = Field(
        default=None,
        ge=0,
        le=1e9,
        allow_inf_nan=False,
        description="US dollars spent on engines in a calendar month (UTC). No call is made that would come "
        "to more; a task keeps to what was set when it began.",
        examples=[50],
    )
    most_jobs: int | None = Field(default=None, ge=0, le=10**6, description="Tasks at once.", examples=[4])


class ProjectDetails(Response):
    """A project."""

    project_id: ProjectId
    name: str = Field(description="For people.", examples=["Spring campaign"])
    created_at: Timestamp
    quotas: Quotas


class ProjectList(Response):
    """The projects within reach."""

    projects: list[ProjectDetails] = Field(description="The oldest first.")


def project_details(project: Project) -> ProjectDetails:
    return ProjectDetails(
        project_id=project.id,
        name=project.name,
        created_at=project.created_at,
        quotas=Quotas(
            most_bytes=project.most_bytes,
            most_minutes=project.most_minutes,
            most_cost=project.most_cost,
            most_jobs=project.most_jobs,
        ),
    )
