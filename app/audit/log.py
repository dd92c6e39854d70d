"""Writing the audit log, in the transaction of what it tells of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import Action, AuditEntry
from app.core.caller import known_caller
from app.core.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class Witness:
    """Who does something, and from where."""

    actor: str | None = None
    user_id: str | None = None
    address: str | None = None


CONSOLE = Witness(actor="console")


async def _witness(request: Request) -> Witness:
    """Of what the request does."""
    caller = known_caller(request.scope)
    address = request.client and request.client.host
    if caller is None:
        return Witness(address=address)
    return Witness(caller.id, caller.user_id, address)


Who = Annotated[Witness, Depends(_witness)]


def note(
    session: AsyncSession,
    who: Witness,
    action: Action,
    target: str | None = None,
    project_id: str | None = None,
    **details: str,
) -> None:
    """Kept if the transaction is. `details` hold no text of users and no secrets."""
    session.add(
        AuditEntry(
            action=action,
            actor=who.actor,
            user_id=who.user_id,
            address=who.address,
            target=target,
            project_id=project_id,
            details=details,
        )
    )


async def was_noted(
    session: AsyncSession, who: Witness, action: Action, target: str, since: datetime
) -> bool:
    """Whether they have done that to the target since then, from the same address."""
    same = (AuditEntry.actor == who.actor, AuditEntry.address == who.address, AuditEntry.target == target)
    query = select(AuditEntry.id).where(*same, AuditEntry.action == action, AuditEntry.at > since)
    return await session.scalar(query.limit(1)) is not None


async def entries(
    session: AsyncSession, wanted: ColumnElement[bool], paging: PageRequest
) -> Page[AuditEntry]:
    """Newest first. Raises `Problem(INVALID_CURSOR)`."""
    query = select(AuditEntry).where(wanted).order_by(AuditEntry.id.desc()).limit(paging.rows)
    before = paging.before_number()
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return paging.page((await session.scalars(query)).all(), lambda entry: str(entry.id))
