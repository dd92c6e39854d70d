"""API keys: made, rotated with an overlap, revoked at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ApiKey, User
from app.accounts.secrets import KEY, Secret, new_secret
from app.audit.log import Witness, note
from app.audit.models import Action
from app.core.caller import Scope
from app.core.database import utc_now
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.idempotency.storage import forget_caller

# How exactly it is known when a key was last used: noting it each time would make every request a writer.
USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What a key is for, and until when; `project_id` where it is to lead into one project only."""

    name: str
    scopes: frozenset[Scope]
    project_id: str | None
    expires_at: datetime | None


async def create_key(
    session: AsyncSession, user_id: str, terms: KeyTerms, who: Witness
) -> tuple[ApiKey, Secret]:
    """The secret is not kept."""
    secret = new_secret(KEY)
    key = ApiKey(
        id=new_id("key"),
        user_id=user_id,
        project_id=terms.project_id,
        name=terms.name,
        prefix=secret.prefix,
        secret=secret.hashed,
        scopes=sorted(terms.scopes),
        expires_at=terms.expires_at,
    )
    session.add(key)
    note(session, who, Action.KEY_CREATED, key.id, terms.project_id, scopes=" ".join(key.scopes))
    await session.flush()
    return key, secret


async def keys_of(session: AsyncSession, user_id: str) -> Sequence[ApiKey]:
    """Those that were not revoked, the oldest first."""
    query = select(ApiKey).where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
    return (await session.scalars(query.order_by(ApiKey.id))).all()


async def get_key(session: AsyncSession, key_id: str, user_id: str | None = None) -> ApiKey:
    """One that was not revoked, and the user's if one is given. Raises `Problem(KEY_NOT_FOUND)`."""
    key = await session.get(ApiKey, key_id)
    if key is None or key.revoked_at is not None or user_id not in (None, key.user_id):
        raise Problem(ErrorCode.KEY_NOT_FOUND, key_id=key_id)
    return key


async def rotate_key(session: AsyncSession, key: ApiKey, overlap: timedelta, who: Witness) -> Secret:
    """A new secret; the one before works for as long as `overlap`, those before it no longer."""
    secret = new_secret(KEY)
    key.former, key.former_until = key.secret, utc_now() + overlap
    key.secret, key.prefix = secret.hashed, secret.prefix
    note(session, who, Action.KEY_ROTATED, key.id, key.project_id)
    await session.flush()
    return secret


async def revoke_key(session: AsyncSession, key: ApiKey, who: Witness) -> None:
    """From the commit on."""
    key.revoked_at = utc_now()
    await forget_caller(session, key.id)
    note(session, who, Action.KEY_REVOKED, key.id, key.project_id)
    await session.flush()


async def revoke_keys(session: AsyncSession, user_id: str, who: Witness) -> None:
    """All of a user's."""
    for key in await keys_of(session, user_id):
        await revoke_key(session, key, who)


async def key_holder(session: AsyncSession, secret: Secret) -> tuple[ApiKey, User]:
    """Raises `Problem(CREDENTIALS_INVALID)` or `Problem(CREDENTIALS_EXPIRED)`."""
    matches = (ApiKey.secret == secret.hashed) | (ApiKey.former == secret.hashed)
    query = select(ApiKey, User).join(User, User.id == ApiKey.user_id).where(matches)
    row = (await session.execute(query)).one_or_none()
    if row is None or row[0].revoked_at is not None or row[1].disabled_at is not None:
        raise Problem(ErrorCode.CREDENTIALS_INVALID)
    key, user = row
    until = key.former_until if key.secret != secret.hashed else key.expires_at
    if _is_past(until) or _is_past(key.expires_at):
        raise Problem(ErrorCode.CREDENTIALS_EXPIRED)
    return key, user


def use_is_worth_noting(key: ApiKey) -> bool:
    return key.last_used_at is None or key.last_used_at < utc_now() - USE_NOTED_EVERY


async def note_use(session: AsyncSession, key_id: str) -> None:
    await session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=utc_now()))


def narrowed(wanted: Collection[Scope], held: frozenset[Scope]) -> frozenset[Scope]:
    """Nobody can give what they do not have. Raises `Problem(FORBIDDEN)`."""
    missing = [scope for scope in wanted if scope not in held]
    if missing:
        raise Problem(ErrorCode.FORBIDDEN, scope=", ".join(missing))
    return frozenset(wanted)


def _is_past(moment: datetime | None) -> bool:
    return moment is not None and moment < utc_now()
