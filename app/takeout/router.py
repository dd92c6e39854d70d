"""Exports and deletions over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from app.accounts.schemas import PasswordConfirmation
from app.accounts.service import AccountService, get_user, user_id_of
from app.audit.log import Who, note
from app.audit.models import Action
from app.core.caller import Identified
from app.core.database import WriteSession
from app.core.errors import ErrorCode
from app.core.openapi import Responses, problems
from app.core.resources import owned
from app.core.schemas import ProjectId
from app.projects.access import ACCOUNT_HOLDERS, PROJECT_OWNERS, OwnDatabase
from app.projects.service import get_project
from app.storage.manager import StorageManager
from app.takeout.packing import PackedFile, files_of_project, files_of_user, packed
from app.takeout.service import Takeout

router = APIRouter(prefix="/api")

ZIP = "application/zip"
EXPORT: Responses = {
    200: {
        "description": "The ZIP.",
        "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
    }
}

Storage = Annotated[StorageManager, Depends(owned(StorageManager))]
Erasing = Annotated[Takeout, Depends(owned(Takeout))]


@router.get(
    "/projects/{project_id}/export",
    operation_id="exportProject",
    summary="Take a project along",
    tags=["projects"],
    dependencies=[PROJECT_OWNERS],
    response_class=StreamingResponse,
    responses=EXPORT | problems(ErrorCode.PROJECT_NOT_FOUND),
)
async def export_project(
    project_id: ProjectId, database: OwnDatabase, storage: Storage, who: Who
) -> StreamingResponse:
    """A ZIP with every video as it was uploaded, its subtitles, translations, speech and dubs, the members,
    tasks, links, webhooks, usage and the audit log. It is made while it is sent."""
    async with database.read() as session:  # it may be long: nobody who writes is to wait for it
        files = await files_of_project(session, await get_project(session, project_id))
    async with database.write() as session:
        note(session, who, Action.PROJECT_EXPORTED, project_id, project_id)
    return _sent(storage, files, project_id)


@router.delete(
    "/projects/{project_id}",
    operation_id="deleteProject",
    summary="Delete a project",
    tags=["projects"],
    status_code=204,
    response_description="It is gone.",
    dependencies=[PROJECT_OWNERS],
    responses=problems(ErrorCode.PROJECT_NOT_FOUND),
)
async def delete_project(project_id: ProjectId, session: WriteSession, takeout: Erasing, who: Who) -> None:
    """With all its videos and whatever was made from them. Running tasks are cancelled first."""
    await takeout.erase_project(session, await get_project(session, project_id), who)


@router.get(
    "/account/export",
    operation_id="exportAccount",
    summary="Take everything of yours along",
    tags=["accounts"],
    dependencies=[ACCOUNT_HOLDERS],
    response_class=StreamingResponse,
    responses=EXPORT | problems(),
)
async def export_account(
    caller: Identified, database: OwnDatabase, storage: Storage, who: Who
) -> StreamingResponse:
    """A ZIP with the account, its keys without their secrets, its sign-ins and memberships, what was done in
    your name, and every project that you own."""
    async with database.read() as session:
        user = await get_user(session, user_id_of(caller))
        files = await files_of_user(session, user)
    async with database.write() as session:
        note(session, who, Action.ACCOUNT_EXPORTED, user.id)
    return _sent(storage, files, user.id)


@router.delete(
    "/account",
    operation_id="deleteAccount",
    summary="Delete your account",
    tags=["accounts"],
    status_code=204,
    response_description="It is gone.",
    dependencies=[ACCOUNT_HOLDERS],
    responses=problems(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.SIGN_IN_BUSY,
        ErrorCode.SIGN_IN_FAILED,
        ErrorCode.LAST_OPERATOR,
    ),
)
async def delete_account(
    body: PasswordConfirmation,
    caller: Identified,
    database: OwnDatabase,
    accounts: Annotated[AccountService, Depends(owned(AccountService))],
    takeout: Erasing,
    who: Who,
) -> None:
    """With the projects that nobody else owns: have another owner in those that are to stay."""
    async with database.read() as session:
        user = await get_user(session, user_id_of(caller))
    await accounts.confirm(user, body.password.get_secret_value(), who)
    async with database.write() as session:
        await takeout.erase_user(session, await get_user(session, user.id), who)


def _sent(storage: StorageManager, files: list[PackedFile], name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return StreamingResponse(packed(storage, files), media_type=ZIP, headers=headers)
