"""Sign-ins: a short access token, and a refresh token that is changed each time it is used."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import SignIn, User
from app.accounts.secrets import ACCESS, Secret, family_of, new_family, new_secret, next_of
from app.audit.log import Witness, note
from app.audit.models import Action
from app.core.database import utc_now
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id

ACCESS_LASTS = timedelta(minutes=15)
SIGN_IN_LASTS = timedelta(days=30)
AT_ONCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a browser is given; `expires_at` is the end of the whole sign-in."""

    access: Secret
    access_until: datetime
    refresh: Secret
    expires_at: datetime


async def find_user(session: AsyncSession, email: str) -> User | None:
    return (await session.scalars(select(User).where(User.email == email.lower()))).one_or_none()


async def begin(session: AsyncSession, user: User, who: Witness) -> Tokens:
    """A new sign-in; ended ones are swept away."""
    now = utc_now()
    await session.execute(delete(SignIn).where(SignIn.user_id == user.id, SignIn.expires_at < now))
    family = new_family()
    tokens = _tokens(family, now + SIGN_IN_LASTS)
    sign_in = SignIn(
        id=new_id("ses"),
        user_id=user.id,
        access=tokens.access.hashed,
        access_until=tokens.access_until,
        refresh=tokens.refresh.hashed,
        family=family.hashed,
        expires_at=tokens.expires_at,
    )
    session.add(sign_in)
    note(session, Witness(sign_in.id, user.id, who.address), Action.SIGNED_IN, user.id)
    await session.flush()
    return tokens


async def go_on(session: AsyncSession, refresh: Secret, who: Witness) -> Tokens | None:
    """New tokens in place of the old. None for a token that is not good any more: if it was used before,
    two hold copies of it, nobody knows which of them is the thief, and the sign-in ends."""
    family = family_of(refresh)
    query = select(SignIn).where(SignIn.family == family.hashed).with_for_update()
    sign_in = (await session.scalars(query)).one_or_none()
    if sign_in is None:
        return None
    user = await session.get_one(User, sign_in.user_id)
    if not _is_current(sign_in, refresh):
        note(session, Witness(sign_in.id, user.id, who.address), Action.SIGN_IN_STOLEN, user.id)
        await session.delete(sign_in)
        return None
    if sign_in.expires_at < utc_now() or user.disabled_at is not None:
        await session.delete(sign_in)
        return None
    tokens = _tokens(family, sign_in.expires_at)
    sign_in.access, sign_in.access_until = tokens.access.hashed, tokens.access_until
    sign_in.former_refresh, sign_in.refresh = sign_in.refresh, tokens.refresh.hashed
    sign_in.refreshed_at = utc_now()
    await session.flush()
    return tokens


async def end(session: AsyncSession, refresh: Secret, who: Witness) -> None:
    """Signing out of what has ended is no error."""
    found = (await session.scalars(select(SignIn).where(SignIn.refresh == refresh.hashed))).one_or_none()
    if found is not None:
        note(session, Witness(found.id, found.user_id, who.address), Action.SIGNED_OUT, found.user_id)
        await session.delete(found)


async def end_all(session: AsyncSession, user_id: str) -> None:
    """On every device."""
    await session.execute(delete(SignIn).where(SignIn.user_id == user_id))


async def holder_of(session: AsyncSession, access: Secret) -> tuple[SignIn, User]:
    """Raises `Problem(CREDENTIALS_INVALID)` or `Problem(CREDENTIALS_EXPIRED)`."""
    query = select(SignIn, User).join(User, User.id == SignIn.user_id).where(SignIn.access == access.hashed)
    row = (await session.execute(query)).one_or_none()
    if row is None or row[1].disabled_at is not None:
        raise Problem(ErrorCode.CREDENTIALS_INVALID)
    if row[0].access_until < utc_now():
        raise Problem(ErrorCode.CREDENTIALS_EXPIRED)
    return row[0], row[1]


def _is_current(sign_in: SignIn, refresh: Secret) -> bool:
    at_once = sign_in.refreshed_at > utc_now() - AT_ONCE
    return sign_in.refresh == refresh.hashed or (at_once and sign_in.former_refresh == refresh.hashed)


def _tokens(family: Secret, expires_at: datetime) -> Tokens:
    now = utc_now()
    until = min(now + ACCESS_LASTS, expires_at)
    return Tokens(new_secret(ACCESS), until, next_of(family), expires_at)
