"""Who may do what in which project. Whoever may not even look is told that there is nothing."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import SecurityScopes
from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.core.caller import ALL_SCOPES, Caller, CallerKind, Identified, Scope
from app.core.database import Database, concerns
from app.core.errors import ErrorCode, Problem
from app.core.resources import owned
from app.core.schemas import ProjectId, VideoId
from app.projects.models import SCOPES_OF, Holding, Member, Project

OwnDatabase = Annotated[Database, Depends(owned(Database))]


async def scopes_in(session: AsyncSession, caller: Caller, project_id: str) -> frozenset[Scope]:
    """What the caller may do there; empty for who is no member."""
    if caller.kind is CallerKind.HOME:
        return ALL_SCOPES
    if caller.project_id not in (None, project_id):
        return frozenset()
    if caller.kind is CallerKind.LINK:
        return caller.scopes
    role = await session.scalar(
        select(Member.role).where(Member.project_id == project_id, Member.user_id == caller.user_id)
    )
    return frozenset() if role is None else SCOPES_OF[role] & caller.scopes


async def check_access(
    session: AsyncSession, caller: Caller, project_id: str | None, scopes: SecurityScopes, unknown: Problem
) -> None:
    """`project_id` is None for what is not there. Raises `unknown` for that and for what is somebody else's,
    or else `Problem(FORBIDDEN)`."""
    held = frozenset[Scope]() if project_id is None else await scopes_in(session, caller, project_id)
    if not held:
        raise unknown
    check_scopes(held, scopes)


def check_scopes(held: frozenset[Scope], scopes: SecurityScopes) -> None:
    """Raises `Problem(FORBIDDEN)`."""
    missing = [scope for scope in scopes.scopes if scope not in held]
    if missing:
        raise Problem(ErrorCode.FORBIDDEN, scope=", ".join(missing))


def within_reach(caller: Caller, column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """For lists: whether the `column` names a project that the caller may look into."""
    if caller.kind is CallerKind.HOME:
        return true()
    mine = column.in_(select(Member.project_id).where(Member.user_id == caller.user_id))
    return mine if caller.project_id is None else mine & (column == caller.project_id)


def videos_within_reach(
    caller: Caller, column: InstrumentedAttribute[str], project_id: str | None = None
) -> ColumnElement[bool]:
    """The same where the `column` names a video, be it deleted; of one project if it is given."""
    held = select(Holding.video_id).where(within_reach(caller, Holding.project_id))
    if project_id is not None:
        return column.in_(held.where(Holding.project_id == project_id))
    return true() if caller.kind is CallerKind.HOME else column.in_(held)


async def holder(session: AsyncSession, video_id: str) -> Project | None:
    """The project that a video is in; None for a video that never was."""
    return await session.scalar(select(Project).join(Holding).where(Holding.video_id == video_id))


async def project_of(session: AsyncSession, video_id: str) -> str | None:
    """None for a video that never was."""
    return await session.scalar(select(Holding.project_id).where(Holding.video_id == video_id))


async def held_in(session: AsyncSession, video_id: str) -> str:
    """The project of a video. Raises `Problem(VIDEO_NOT_FOUND)`."""
    project_id = await project_of(session, video_id)
    if project_id is None:
        raise Problem(ErrorCode.VIDEO_NOT_FOUND, video_id=video_id)
    return project_id


async def check_video_access(
    session: AsyncSession, caller: Caller, video_id: str, scopes: SecurityScopes, unknown: Problem
) -> None:
    """Raises `unknown` or `Problem(FORBIDDEN)`."""
    await check_access(session, caller, await project_of(session, video_id), scopes, unknown)


async def anybody(caller: Identified, scopes: SecurityScopes) -> None:
    """For what is in no project. Raises `Problem(FORBIDDEN)`."""
    refuse_links(caller)
    check_scopes(caller.scopes, scopes)


async def account_holders(caller: Identified, scopes: SecurityScopes) -> None:
    """For what is in no project but somebody's own. Raises `Problem(FORBIDDEN)`, also for a key that leads
    into one project only."""
    await anybody(caller, scopes)
    if caller.project_id is not None:
        raise Problem(ErrorCode.FORBIDDEN, scope="account")


async def operators(caller: Identified, scopes: SecurityScopes) -> None:
    """For what concerns the whole server. Raises `Problem(FORBIDDEN)`."""
    await anybody(caller, scopes)
    if not caller.is_operator:
        raise Problem(ErrorCode.FORBIDDEN, scope="operator")


async def members(
    request: Request, project_id: ProjectId, caller: Identified, scopes: SecurityScopes, database: OwnDatabase
) -> None:
    """For what is in a project. Raises `Problem(PROJECT_NOT_FOUND)` or `Problem(FORBIDDEN)`."""
    refuse_links(caller)
    async with database.read() as session:
        known = await session.scalar(select(Project.id).where(Project.id == project_id))
        unknown = Problem(ErrorCode.PROJECT_NOT_FOUND, project_id=project_id)
        await check_access(session, caller, known, scopes, unknown)
    concerns(request, project_id)


async def video_files(
    request: Request, video_id: VideoId, caller: Identified, scopes: SecurityScopes, database: OwnDatabase
) -> None:
    """For the files of a video, which links lead to. Raises `Problem(VIDEO_NOT_FOUND)` or
    `Problem(FORBIDDEN)`."""
    async with database.read() as session:
        unknown = Problem(ErrorCode.VIDEO_NOT_FOUND, video_id=video_id)
        await check_video_access(session, caller, video_id, scopes, unknown)
    concerns(request, video_id)


async def video_members(
    request: Request, video_id: VideoId, caller: Identified, scopes: SecurityScopes, database: OwnDatabase
) -> None:
    """For whatever else is about a video. Raises `Problem(VIDEO_NOT_FOUND)` or `Problem(FORBIDDEN)`."""
    refuse_links(caller)
    await video_files(request, video_id, caller, scopes, database)


def refuse_links(caller: Caller) -> None:
    """A link leads to one file. Raises `Problem(LINK_INVALID)`."""
    if caller.kind is CallerKind.LINK:
        raise Problem(ErrorCode.LINK_INVALID)


ANYBODY = Security(anybody)
READERS = Security(anybody, scopes=[Scope.VIDEOS_READ])
WRITERS = Security(anybody, scopes=[Scope.VIDEOS_WRITE])
ADMINISTRATORS = Security(anybody, scopes=[Scope.ADMIN])
ACCOUNT_HOLDERS = Security(account_holders, scopes=[Scope.ADMIN])
OPERATORS = Security(operators, scopes=[Scope.ADMIN])
PROJECT_READERS = Security(members, scopes=[Scope.VIDEOS_READ])
PROJECT_OWNERS = Security(members, scopes=[Scope.ADMIN])
FILE_READERS = Security(video_files, scopes=[Scope.VIDEOS_READ])
VIDEO_READERS = Security(video_members, scopes=[Scope.VIDEOS_READ])
VIDEO_WRITERS = Security(video_members, scopes=[Scope.VIDEOS_WRITE])
VIDEO_RUNNERS = Security(video_members, scopes=[Scope.JOBS_RUN])
VIDEO_MAKERS = Security(video_members, scopes=[Scope.VIDEOS_WRITE, Scope.JOBS_RUN])
