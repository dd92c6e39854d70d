"""What an export tells beside the files: lists in JSON, without secrets."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import SignIn
from app.audit.models import Action, AuditEntry
from app.audit.schemas import AuditRecord
from app.jobs.models import EventKind, Job, JobStatus, JobType
from app.ledger.models import UsageEntry
from app.links.models import Link
from app.projects.models import Holding, Member, Project, Role
from app.webhooks.models import Webhook

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A call to an engine, by the book; `cost` in US dollars, by the price of that date."""

    at: datetime
    video_id: str
    task_id: str | None
    engine: str
    kind: str
    model: str
    input_tokens: int | None
    output_tokens: int | None
    audio_seconds: float | None
    characters: int | None
    cost: float | None
    price_date: date | None


@dataclass(frozen=True, slots=True)
class Task:
    """A task, and what was asked for."""

    task_id: str
    video_id: str
    type: JobType
    status: JobStatus
    reference: str | None
    request: dict[str, object]
    error: str | None
    created_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class FileLink:
    """A link to a file, without its signature; who made it, and with which key."""

    link_id: str
    video_id: str
    leads_to: str
    user_id: str | None
    key_id: str | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook, without its secret."""

    webhook_id: str
    url: str
    events: list[EventKind]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OpenSignIn:
    """A browser that is signed in, and the address that it came from."""

    sign_in_id: str
    address: str | None
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """A project that one is in."""

    project_id: str
    name: str
    role: Role
    since: datetime


_AUDIT = TypeAdapter(list[AuditRecord])


async def calls_of(session: AsyncSession, project: Project) -> bytes:
    """Also for videos that are gone: what was paid was paid."""
    query = (
        select(
            UsageEntry.created_at.label("at"),
            UsageEntry.video_id,
            UsageEntry.task_id,
            UsageEntry.engine,
            UsageEntry.kind,
            UsageEntry.model,
            UsageEntry.input_tokens,
            UsageEntry.output_tokens,
            UsageEntry.audio_seconds,
            UsageEntry.characters,
            UsageEntry.cost,
            UsageEntry.price_date,
        )
        .where(UsageEntry.project_id == project.id)
        .order_by(UsageEntry.id)
    )
    return await _told(session, TypeAdapter(list[Call]), query)


async def tasks_of(session: AsyncSession, project: Project) -> bytes:
    query = (
        select(
            Job.id.label("task_id"),
            Job.video_id,
            Job.job_type.label("type"),
            Job.status,
            Job.reference,
            Job.request,
            Job.error,
            Job.created_at,
            Job.completed_at,
        )
        .join(Holding, Holding.video_id == Job.video_id)
        .where(Holding.project_id == project.id)
        .order_by(Job.id)
    )
    return await _told(session, TypeAdapter(list[Task]), query)


async def links_of(session: AsyncSession, project: Project) -> bytes:
    query = (
        select(
            Link.id.label("link_id"),
            Link.video_id,
            Link.target.label("leads_to"),
            Link.user_id,
            Link.key_id,
            Link.created_at,
            Link.expires_at,
        )
        .join(Holding, Holding.video_id == Link.video_id)
        .where(Holding.project_id == project.id)
        .order_by(Link.id)
    )
    return await _told(session, TypeAdapter(list[FileLink]), query)


async def webhooks_of(session: AsyncSession, project: Project) -> bytes:
    query = (
        select(Webhook.id.label("webhook_id"), Webhook.url, Webhook.kinds.label("events"), Webhook.created_at)
        .where(Webhook.project_id == project.id)
        .order_by(Webhook.id)
    )
    return await _told(session, TypeAdapter(list[Hook]), query)


async def sign_ins_of(session: AsyncSession, user_id: str) -> bytes:
    began = and_(AuditEntry.actor == SignIn.id, AuditEntry.action == Action.SIGNED_IN)
    query = (
        select(
            SignIn.id.label("sign_in_id"),
            AuditEntry.address,
            SignIn.created_at,
            SignIn.refreshed_at,
            SignIn.expires_at,
        )
        .join(AuditEntry, began, isouter=True)
        .where(SignIn.user_id == user_id)
        .order_by(SignIn.id)
    )
    return await _told(session, TypeAdapter(list[OpenSignIn]), query)


async def memberships_of(session: AsyncSession, user_id: str) -> bytes:
    query = (
        select(Member.project_id, Project.name, Member.role, Member.since)
        .join(Project, Project.id == Member.project_id)
        .where(Member.user_id == user_id)
        .order_by(Member.since, Member.project_id)
    )
    return await _told(session, TypeAdapter(list[Membership]), query)


async def audit_of(session: AsyncSession, wanted: ColumnElement[bool]) -> bytes:
    """The oldest first."""
    entries = (await session.scalars(select(AuditEntry).where(wanted).order_by(AuditEntry.id))).all()
    return _AUDIT.dump_json(_AUDIT.validate_python(entries, from_attributes=True), indent=2)


async def _told(session: AsyncSession, shape: TypeAdapter[list[T]], query: Select[*tuple[Any, ...]]) -> bytes:
    """The columns of the query are the fields of the shape."""
    rows = (await session.execute(query)).mappings()
    return shape.dump_json(shape.validate_python([dict(row) for row in rows]), indent=2)
