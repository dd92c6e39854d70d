"""Users for the operator, and the members of projects, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.accounts.schemas import (
    MemberChange,
    MemberDetails,
    MemberList,
    NewUser,
    UserChange,
    UserDetails,
    UserId,
    UserList,
    user_details,
)
from app.accounts.service import AccountService, all_users, get_user, user_by_email
from app.audit.log import Who
from app.core.database import ReadSession, WriteSession, concerns
from app.core.errors import ErrorCode
from app.core.openapi import created, problems
from app.core.resources import owned
from app.core.schemas import ProjectId
from app.idempotency.claim import RepeatableRoute
from app.projects.access import OPERATORS, PROJECT_OWNERS, PROJECT_READERS
from app.projects.models import Member
from app.projects.service import members_of, remove_member, set_role

router = APIRouter(prefix="/api", tags=["accounts"], route_class=RepeatableRoute)

Service = Annotated[AccountService, Depends(owned(AccountService))]


@router.get(
    "/users",
    operation_id="listUsers",
    summary="List the users",
    dependencies=[OPERATORS],
    responses=problems(),
)
async def list_users(session: ReadSession) -> UserList:
    """For the operator."""
    return UserList(users=[user_details(user) for user in await all_users(session)])


@router.post(
    "/users",
    operation_id="createUser",
    summary="Make a user",
    status_code=201,
    dependencies=[OPERATORS],
    responses=created("They can sign in.")
    | problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.SIGN_IN_BUSY, ErrorCode.EMAIL_TAKEN),
)
async def create_user(
    request: Request, body: NewUser, session: WriteSession, service: Service, who: Who
) -> UserDetails:
    """With a project of their own. The first user of a server is its operator, owns what was made before,
    and from then on nothing is answered without credentials."""
    password = body.password.get_secret_value()
    user = await service.create(session, body.email, password, who, is_operator=body.is_operator)
    concerns(request, user.id)
    return user_details(user)


@router.patch(
    "/users/{user_id}",
    operation_id="updateUser",
    summary="Disable a user, or let them in again",
    dependencies=[OPERATORS],
    responses=problems(ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.USER_NOT_FOUND, ErrorCode.LAST_OPERATOR),
)
async def update_user(
    user_id: UserId, body: UserChange, session: WriteSession, service: Service, who: Who
) -> UserDetails:
    """Disabling ends their sign-ins and revokes their keys at once; their videos stay."""
    user = await get_user(session, user_id)
    await (service.disable if body.disabled else service.enable)(session, user, who)
    await session.flush()
    return user_details(user)


@router.get(
    "/projects/{project_id}/members",
    operation_id="listMembers",
    summary="Who is in a project",
    dependencies=[PROJECT_READERS],
    responses=problems(ErrorCode.PROJECT_NOT_FOUND),
)
async def list_members(project_id: ProjectId, session: ReadSession) -> MemberList:
    """In the order they came."""
    return MemberList(
        members=[await _details(session, each) for each in await members_of(session, project_id)]
    )


@router.put(
    "/projects/{project_id}/members",
    operation_id="setMember",
    summary="Share a project",
    dependencies=[PROJECT_OWNERS],
    responses=problems(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.PROJECT_NOT_FOUND,
        ErrorCode.LAST_OWNER,
        named=(ErrorCode.USER_NOT_FOUND,),
    ),
)
async def set_member(
    project_id: ProjectId, body: MemberChange, session: WriteSession, who: Who
) -> MemberDetails:
    """Adds a user, or changes what they may do."""
    user = await user_by_email(session, body.email)
    return await _details(session, await set_role(session, project_id, user.id, body.role, who))


@router.delete(
    "/projects/{project_id}/members/{user_id}",
    operation_id="removeMember",
    summary="Take somebody out of a project",
    status_code=204,
    response_description="They cannot reach it any more.",
    dependencies=[PROJECT_OWNERS],
    responses=problems(ErrorCode.PROJECT_NOT_FOUND, ErrorCode.MEMBER_NOT_FOUND, ErrorCode.LAST_OWNER),
)
async def delete_member(project_id: ProjectId, user_id: UserId, session: WriteSession, who: Who) -> None:
    """At once: neither a sign-in nor a key of theirs leads there any more."""
    await remove_member(session, project_id, user_id, who)


async def _details(session: ReadSession, member: Member) -> MemberDetails:
    user = await get_user(session, member.user_id)
    return MemberDetails(user_id=user.id, email=user.email, role=member.role, since=member.since)
