"""Projects: making them, who is in them, and which one something goes into."""

from collections.abc import Sequence

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.log import Witness, note
from app.audit.models import Action
from app.core.caller import Caller, CallerKind, Scope
from app.core.database import take_turn
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.core.settings import Settings
from app.idempotency.models import IdempotencyKey
from app.idempotency.storage import forget_answers
from app.projects.access import scopes_in, within_reach
from app.projects.models import HOME, SCOPES_OF, Holding, Member, Project, Role
from app.projects.quotas import Room, most_room, room_in


async def get_project(session: AsyncSession, project_id: str) -> Project:
    """Raises `Problem(PROJECT_NOT_FOUND)`."""
    project = await session.get(Project, project_id)
    if project is None:
        raise Problem(ErrorCode.PROJECT_NOT_FOUND, project_id=project_id)
    return project


async def held_project(session: AsyncSession, project_id: str, field: str | None = None) -> Project:
    """The project, which nobody else changes or deletes until the transaction ends; `field` is what names it
    in a body. Raises `Problem(PROJECT_NOT_FOUND)`."""
    await take_turn(session, project_id)
    project = await session.get(Project, project_id, populate_existing=True)
    if project is None:
        raise Problem(ErrorCode.PROJECT_NOT_FOUND, field=field, project_id=project_id)
    return project


async def projects_of(session: AsyncSession, caller: Caller) -> Sequence[Project]:
    """Those within reach, the oldest first."""
    query = select(Project).where(within_reach(caller, Project.id)).order_by(Project.created_at, Project.id)
    return (await session.scalars(query)).all()


async def create_project(
    session: AsyncSession, name: str, owner: str | None, who: Witness, settings: Settings
) -> Project:
    """With the quotas that the `settings` give to new ones. `owner` is a user's id; None at home, where there
    are no users."""
    project = Project(
        id=new_id("prj"),
        name=name,
        most_bytes=settings.project_most_bytes,
        most_minutes=settings.project_most_minutes,
        most_cost=settings.project_most_cost,
        most_jobs=settings.project_most_jobs,
    )
    session.add(project)
    await session.flush()
    if owner is not None:
        session.add(Member(project_id=project.id, user_id=owner, role=Role.OWNER))
    note(session, who, Action.PROJECT_CREATED, project.id, project.id)
    await session.flush()
    return project


async def give_home(session: AsyncSession, owner: str) -> None:
    """What was made before there were users is the first one's."""
    session.add(Member(project_id=HOME, user_id=owner, role=Role.OWNER))
    await session.flush()


async def destination(
    session: AsyncSession, caller: Caller, wanted: str | None, needed: Scope = Scope.VIDEOS_WRITE
) -> str:
    """The project that something new goes into: the one `wanted`, or else the oldest where the caller may do
    what is `needed`.

    Raises `Problem(PROJECT_NOT_FOUND)` or `Problem(FORBIDDEN)`.
    """
    wanted = wanted or caller.project_id
    if wanted is None:
        return HOME if caller.kind is CallerKind.HOME else await _oldest(session, caller, needed)
    known = await session.scalar(select(Project.id).where(Project.id == wanted))
    held = await scopes_in(session, caller, wanted)
    if known is None or not held:
        raise Problem(ErrorCode.PROJECT_NOT_FOUND, field="project_id", project_id=wanted)
    if needed not in held:
        raise Problem(ErrorCode.FORBIDDEN, scope=needed)
    return wanted


async def held_destination(session: AsyncSession, caller: Caller, wanted: str | None) -> str:
    """The same for a video, and it stays one until the transaction ends."""
    project_id = await destination(session, caller, wanted)
    await take_turn(session, project_id)
    return await destination(session, caller, project_id)


async def expected_room(
    session: AsyncSession, caller: Caller, named: str | None, needed: Scope = Scope.VIDEOS_WRITE
) -> Room:
    """For something new: in the project it goes into or, as long as none is `named`, the most that there is
    in any it may go into. Raises as `destination` does."""
    project_id = await destination(session, caller, named, needed)
    if named is not None or caller.project_id is not None:
        return await room_in(session, project_id)
    return await most_room(session, (await session.scalars(_open_to(caller, needed))).all())


async def _oldest(session: AsyncSession, caller: Caller, needed: Scope) -> str:
    found = await session.scalar(_open_to(caller, needed).limit(1))
    if found is None:
        raise Problem(ErrorCode.FORBIDDEN, scope=needed)
    return found


def _open_to(caller: Caller, needed: Scope) -> Select[str]:
    """The projects where the caller may do what is `needed`, the oldest first."""
    if caller.kind is CallerKind.HOME:
        return select(Project.id).order_by(Project.created_at)
    roles = [role for role, scopes in SCOPES_OF.items() if needed in scopes & caller.scopes]
    return (
        select(Member.project_id)
        .where(Member.user_id == caller.user_id, Member.role.in_(roles))
        .order_by(Member.since, Member.project_id)
    )


async def members_of(session: AsyncSession, project_id: str) -> Sequence[Member]:
    query = select(Member).where(Member.project_id == project_id).order_by(Member.since, Member.user_id)
    return (await session.scalars(query)).all()


async def set_role(session: AsyncSession, project_id: str, user_id: str, role: Role, who: Witness) -> Member:
    """Adds a member, or changes what one may do. Raises `Problem(PROJECT_NOT_FOUND)` or
    `Problem(LAST_OWNER)`."""
    await held_project(session, project_id)
    member = await session.get(Member, (project_id, user_id))
    if member is None:
        member = Member(project_id=project_id, user_id=user_id, role=role)
        session.add(member)
    member.role = role
    await session.flush()
    await _check_owned(session, project_id)
    note(session, who, Action.MEMBER_CHANGED, user_id, project_id, role=role)
    return member


async def remove_member(session: AsyncSession, project_id: str, user_id: str, who: Witness) -> None:
    """Raises `Problem`: PROJECT_NOT_FOUND, MEMBER_NOT_FOUND or LAST_OWNER."""
    await held_project(session, project_id)
    member = await session.get(Member, (project_id, user_id))
    if member is None:
        raise Problem(ErrorCode.MEMBER_NOT_FOUND, project_id=project_id, user_id=user_id)
    await session.delete(member)
    await session.flush()
    await _check_owned(session, project_id)
    await _forget_answers_to(session, user_id, project_id)
    note(session, who, Action.MEMBER_REMOVED, user_id, project_id)


async def solely_owned(session: AsyncSession, user_id: str) -> Sequence[str]:
    """The projects that nobody else owns."""
    others = (
        select(Member.project_id)
        .where(Member.role == Role.OWNER, Member.user_id != user_id)
        .scalar_subquery()
    )
    query = select(Member.project_id).where(
        Member.user_id == user_id, Member.role == Role.OWNER, Member.project_id.not_in(others)
    )
    return (await session.scalars(query)).all()


async def delete_project_row(session: AsyncSession, project_id: str, who: Witness) -> None:
    """Once it holds nothing any more."""
    await session.execute(delete(Project).where(Project.id == project_id))
    await forget_answers(session, IdempotencyKey.about == project_id)
    note(session, who, Action.PROJECT_DELETED, project_id, project_id)


async def _forget_answers_to(session: AsyncSession, user_id: str, project_id: str) -> None:
    held = select(Holding.video_id).where(Holding.project_id == project_id)
    there = (IdempotencyKey.about == project_id) | IdempotencyKey.about.in_(held)
    await forget_answers(session, IdempotencyKey.user_id == user_id, there)


async def _check_owned(session: AsyncSession, project_id: str) -> None:
    owners = await session.scalar(
        select(func.count()).where(Member.project_id == project_id, Member.role == Role.OWNER)
    )
    if not owners:
        raise Problem(ErrorCode.LAST_OWNER, project_id=project_id)
