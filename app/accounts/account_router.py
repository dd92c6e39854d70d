"""One's own account over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.accounts import sign_ins
from app.accounts.schemas import AccountDetails, PasswordChange, user_details
from app.accounts.service import AccountService, get_user, user_id_of
from app.audit.log import Who, entries, note
from app.audit.models import Action, AuditEntry
from app.audit.schemas import AuditPage, audit_page
from app.core.caller import Identified
from app.core.database import ReadSession, WriteSession
from app.core.errors import ErrorCode
from app.core.openapi import problems
from app.core.paging import Paging
from app.core.resources import owned
from app.idempotency.claim import RepeatableRoute
from app.projects.access import ACCOUNT_HOLDERS, ANYBODY, OwnDatabase

router = APIRouter(prefix="/api/account", tags=["accounts"], route_class=RepeatableRoute)

Service = Annotated[AccountService, Depends(owned(AccountService))]


@router.get(
    "",
    operation_id="getAccount",
    summary="Who you are",
    dependencies=[ANYBODY],
    responses=problems(),
)
async def get_account(caller: Identified, session: ReadSession) -> AccountDetails:
    """And what the credentials allow."""
    user = None if caller.user_id is None else user_details(await get_user(session, caller.user_id))
    return AccountDetails(
        signed_in_by=caller.kind, user=user, scopes=sorted(caller.scopes), project_id=caller.project_id
    )


@router.put(
    "/password",
    operation_id="changePassword",
    summary="Change your password",
    status_code=204,
    response_description="It is changed, and every sign-in has ended.",
    dependencies=[ACCOUNT_HOLDERS],
    responses=problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.SIGN_IN_BUSY, ErrorCode.SIGN_IN_FAILED),
)
async def change_password(
    body: PasswordChange,
    caller: Identified,
    service: Service,
    database: OwnDatabase,
    who: Who,
) -> None:
    """Whoever signed in with the old one has to sign in again; keys stay."""
    async with database.read() as session:
        user = await get_user(session, user_id_of(caller))
    await service.confirm(user, body.current.get_secret_value(), who)
    hashed = await service.hash(body.new)
    async with database.write() as session:
        await service.set_password(session, await get_user(session, user.id), hashed, who)


@router.post(
    "/sign-out-everywhere",
    operation_id="signOutEverywhere",
    summary="End all your sign-ins",
    status_code=204,
    response_description="They have ended.",
    dependencies=[ACCOUNT_HOLDERS],
    responses=problems(),
)
async def sign_out_everywhere(caller: Identified, session: WriteSession, who: Who) -> None:
    """On every device; keys stay."""
    note(session, who, Action.SIGNED_OUT_EVERYWHERE, user_id_of(caller))
    await sign_ins.end_all(session, user_id_of(caller))


@router.get(
    "/audit",
    operation_id="listOwnAudit",
    summary="What was done in your name",
    dependencies=[ACCOUNT_HOLDERS],
    responses=problems(ErrorCode.INVALID_CURSOR),
)
async def list_own_audit(caller: Identified, session: ReadSession, paging: Paging) -> AuditPage:
    """Newest first."""
    return audit_page(await entries(session, AuditEntry.user_id == user_id_of(caller), paging))
