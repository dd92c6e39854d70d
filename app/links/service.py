"""Makes links and knows them again."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.keys import get_key
from app.accounts.models import User
from app.accounts.service import has_users
from app.core.caller import Caller, CallerKind, Scope
from app.core.database import Database, utc_now
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.links.models import Link
from app.links.signing import Ticket, read_link
from app.projects.access import FILE_READERS, project_of
from app.projects.models import Member

METHODS = ("GET", "HEAD")


async def links_to(session: AsyncSession, video_id: str) -> Sequence[Link]:
    """Those that still lead there."""
    query = select(Link).where(Link.video_id == video_id, Link.expires_at > utc_now())
    return (await session.scalars(query.order_by(Link.id))).all()


async def get_link(session: AsyncSession, video_id: str, link_id: str) -> Link:
    """Raises `Problem(LINK_NOT_FOUND)`."""
    link = await session.get(Link, link_id)
    if link is None or link.video_id != video_id:
        raise Problem(ErrorCode.LINK_NOT_FOUND, link_id=link_id, video_id=video_id)
    return link


async def forget_links(session: AsyncSession, now: datetime) -> None:
    """Those that have expired."""
    await session.execute(delete(Link).where(Link.expires_at < now))


async def create_link(
    session: AsyncSession, caller: Caller, video_id: str, target: str, lasts: timedelta
) -> Link:
    """`target` is a path with its query, which `leads_to_file`."""
    link = Link(
        id=new_id("lnk"),
        video_id=video_id,
        user_id=caller.user_id,
        key_id=caller.id if caller.kind is CallerKind.KEY else None,
        target=target,
        secret=secrets.token_urlsafe(32),
        expires_at=(utc_now() + lasts).replace(microsecond=0),
    )
    session.add(link)
    await session.flush()
    return link


def url_of(link: Link) -> str:
    """Its path and query."""
    return Ticket(link.id, link.target, int(link.expires_at.timestamp())).url(link.secret)


class LinkHolders:
    """Whoever has a link may look at what it leads to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def identify(self, request: Request) -> Caller:
        """Raises `Problem(LINK_INVALID)`."""
        query = request.scope["query_string"].decode("latin-1")
        signed = read_link(request.scope["path"], query)
        if signed is None or request.method not in METHODS:
            raise Problem(ErrorCode.LINK_INVALID)
        async with self._database.read() as session:
            link = await session.get(Link, signed.ticket.link_id)
            if link is None or not signed.is_by(link.secret) or link.expires_at < utc_now():
                raise Problem(ErrorCode.LINK_INVALID)
            project_id = await _project_of(session, link)
        scopes = frozenset({Scope.VIDEOS_READ})
        return Caller(CallerKind.LINK, link.id, None, scopes, project_id)


async def _project_of(session: AsyncSession, link: Link) -> str:
    """Raises `Problem(LINK_INVALID)` if who made it may no longer look there."""
    project_id = await project_of(session, link.video_id)
    if project_id is None:
        raise Problem(ErrorCode.LINK_INVALID)
    if link.user_id is None:
        may_look = not await has_users(session)
    else:
        may_look = await _may_look(session, link.user_id, project_id)
    if not may_look:
        raise Problem(ErrorCode.LINK_INVALID)
    if link.key_id is not None:
        try:
            await get_key(session, link.key_id)
        except Problem as problem:
            raise Problem(ErrorCode.LINK_INVALID) from problem
    return project_id


async def _may_look(session: AsyncSession, user_id: str, project_id: str) -> bool:
    query = select(Member.role).join(User, User.id == Member.user_id)
    wanted = (Member.project_id == project_id, Member.user_id == user_id, User.disabled_at.is_(None))
    return await session.scalar(query.where(*wanted)) is not None


def file_routes(routers: Sequence[APIRouter]) -> tuple[APIRoute, ...]:
    """Those that links may lead to."""
    routes = (route for router in routers for route in router.routes)
    return tuple(
        route for route in routes if isinstance(route, APIRoute) and FILE_READERS in route.dependencies
    )


def leads_to_file(routes: Sequence[APIRoute], path: str) -> bool:
    """Whether one of the `file_routes` answers at the path."""
    return any(route.path_regex.match(path) for route in routes)
