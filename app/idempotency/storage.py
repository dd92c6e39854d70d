"""The rows of keys: taken by one request at a time, and changed only by the one that holds them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, null, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import utc_now
from app.idempotency.models import KEPT, IdempotencyKey, KeyState

LEASE = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Holder:
    """A request that holds a key, and whose it is."""

    key: str
    token: str
    user_id: str | None


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer and the hash of the body that it answers."""

    body: str
    status: int
    headers: dict[str, str]
    content: bytes


async def take(session: AsyncSession, holder: Holder, target: str) -> IdempotencyKey:
    """The row of the key; it has the holder's token if the key was free. Raises `IntegrityError` if another
    takes it at the same moment."""
    row = await session.get(IdempotencyKey, holder.key, with_for_update=True)
    if row is not None and row.state is not KeyState.FREE:
        return row
    if row is not None:
        await session.delete(row)
        await session.flush()
    row = IdempotencyKey(
        key=holder.key,
        user_id=holder.user_id,
        target=target,
        token=holder.token,
        held_until=utc_now() + LEASE,
        created_at=utc_now(),
    )
    session.add(row)
    await session.flush()
    return row


async def hold(session: AsyncSession, holder: Holder) -> bool:
    """For another `LEASE`. False if the key has been taken over."""
    return await _change(session, holder, held_until=utc_now() + LEASE)


async def keep(session: AsyncSession, holder: Holder, about: str | None, answer: KeptAnswer | None) -> bool:
    """The work of the request is done, and this is the answer, if it is known. False if the key has been
    taken over."""
    if answer is None:
        return await _change(session, holder, committed=True, about=about)
    return await _change(
        session,
        holder,
        committed=True,
        about=about,
        body=answer.body,
        status=answer.status,
        headers=answer.headers,
        content=answer.content,
    )


async def keep_nothing(session: AsyncSession, holder: Holder) -> bool:
    """The work of the request is done, and its answer is not to be given again."""
    return await _change(session, holder, committed=True, held_until=utc_now())


async def release(session: AsyncSession, holder: Holder) -> None:
    """The key is free again."""
    await session.execute(delete(IdempotencyKey).where(*_held(holder)))


async def abandon(session: AsyncSession, holder: Holder) -> None:
    """The same, unless work has been committed under it."""
    unused = IdempotencyKey.committed.is_(False)
    await session.execute(delete(IdempotencyKey).where(*_held(holder), unused))


async def forget_keys(session: AsyncSession, now: datetime) -> None:
    """What has been kept for long enough."""
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEPT))


async def forget_answers(session: AsyncSession, *wanted: ColumnElement[bool]) -> None:
    """Nobody is given them any more, nor those that are still to come; what was done is not done again."""
    await session.execute(
        update(IdempotencyKey)
        .where(*wanted)
        .values(
            token="",
            committed=True,
            held_until=utc_now(),
            body=None,
            status=None,
            headers=null(),
            content=None,
        )
    )


async def forget_caller(session: AsyncSession, subject: str) -> None:
    """Who does not come again."""
    theirs = IdempotencyKey.key.startswith(f"{subject} ", autoescape=True)
    await session.execute(delete(IdempotencyKey).where(theirs))


def _held(holder: Holder) -> tuple[ColumnElement[bool], ...]:
    return IdempotencyKey.key == holder.key, IdempotencyKey.token == holder.token


async def _change(session: AsyncSession, holder: Holder, **values: object) -> bool:
    statement = update(IdempotencyKey).where(*_held(holder)).values(**values)
    result = cast("CursorResult[Any]", await session.execute(statement))
    return result.rowcount == 1
