"""Projects over HTTP."""

from fastapi import APIRouter, Request, Response

from app.audit.log import Who, entries, note
from app.audit.models import Action, AuditEntry
from app.audit.schemas import AuditPage, audit_page
from app.core.caller import Identified
from app.core.database import ReadSession, WriteSession, concerns
from app.core.errors import ErrorCode
from app.core.links import OwnSettings
from app.core.openapi import created, problems
from app.core.paging import Paging
from app.core.schemas import ProjectId
from app.idempotency.claim import RepeatableRoute
from app.projects.access import (
    ACCOUNT_HOLDERS,
    OPERATORS,
    PROJECT_OWNERS,
    PROJECT_READERS,
    READERS,
)
from app.projects.schemas import ProjectDetails, ProjectList, ProjectTerms, Quotas, project_details
from app.projects.service import create_project, get_project, held_project, projects_of

router = APIRouter(prefix="/api/projects", tags=["projects"], route_class=RepeatableRoute)


@router.get(
    "", operation_id="listProjects", summary="Your projects", dependencies=[READERS], responses=problems()
)
async def list_projects(caller: Identified, session: ReadSession) -> ProjectList:
    """Those that you are a member of."""
    return ProjectList(projects=[project_details(each) for each in await projects_of(session, caller)])


@router.post(
    "",
    operation_id="createProject",
    summary="Make a project",
    status_code=201,
    dependencies=[ACCOUNT_HOLDERS],
    responses=created("You own it.") | problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE),
)
async def make_project(
    request: Request,
    body: ProjectTerms,
    caller: Identified,
    response: Response,
    session: WriteSession,
    who: Who,
    settings: OwnSettings,
) -> ProjectDetails:
    """Videos go into it with the field `project_id` of the upload."""
    project = await create_project(session, body.name, caller.user_id, who, settings)
    concerns(request, project.id)
    response.headers["Location"] = f"/api/projects/{project.id}"
    return project_details(project)


@router.get(
    "/{project_id}",
    operation_id="getProject",
    summary="A project",
    dependencies=[PROJECT_READERS],
    responses=problems(ErrorCode.PROJECT_NOT_FOUND),
)
async def read_project(project_id: ProjectId, session: ReadSession) -> ProjectDetails:
    """With its quotas."""
    return project_details(await get_project(session, project_id))


@router.patch(
    "/{project_id}",
    operation_id="renameProject",
    summary="Rename a project",
    dependencies=[PROJECT_OWNERS],
    responses=problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.PROJECT_NOT_FOUND),
)
async def rename_project(
    project_id: ProjectId, body: ProjectTerms, session: WriteSession, who: Who
) -> ProjectDetails:
    """Its id stays."""
    project = await held_project(session, project_id)
    project.name = body.name
    note(session, who, Action.PROJECT_CHANGED, project.id, project.id)
    return project_details(project)


@router.put(
    "/{project_id}/quotas",
    operation_id="setQuotas",
    summary="Set a project's quotas",
    dependencies=[OPERATORS],
    responses=problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.PROJECT_NOT_FOUND),
)
async def set_quotas(project_id: ProjectId, body: Quotas, session: WriteSession, who: Who) -> ProjectDetails:
    """For the operator. What is over a new quota stays; uploads and tasks are refused."""
    project = await held_project(session, project_id)
    for name, value in body:
        setattr(project, name, value)
    told = {name: str(value) for name, value in body if value is not None}
    note(session, who, Action.PROJECT_CHANGED, project.id, project.id, **told)
    return project_details(project)


@router.get(
    "/{project_id}/audit",
    operation_id="listProjectAudit",
    summary="What was done in a project",
    dependencies=[PROJECT_OWNERS],
    responses=problems(ErrorCode.PROJECT_NOT_FOUND, ErrorCode.INVALID_CURSOR),
)
async def list_project_audit(project_id: ProjectId, session: ReadSession, paging: Paging) -> AuditPage:
    """Newest first: members, keys, links, deletions, downloads of originals."""
    return audit_page(await entries(session, AuditEntry.project_id == project_id, paging))
