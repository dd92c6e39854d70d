"""Keeps the memo within a size: what was not used for longest goes first."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.database import Database, utc_now
from app.memo.models import MemoEntry, MemoUse
from app.memo.units import object_key
from app.storage.manager import StorageManager

# Makes room for a while, so that it is not done again at once.
TARGET_SHARE = 0.9
PAGE = 500

AtRest = Callable[[str], AbstractAsyncContextManager[bool]]


@dataclass(frozen=True, slots=True)
class EvictionRules:
    """Of more than `most_bytes` (None: no limit), what was not used for `unused_for` may go, but nothing that
    was used since the first of the running jobs began (`began`), nor what rows refer to (`referred`, of keys
    of objects). `notice` is for other processes to say that they use it after all."""

    most_bytes: int | None
    began: Callable[[AsyncSession], Awaitable[datetime | None]]
    referred: Callable[[AsyncSession, Sequence[str]], Awaitable[Set[str]]]
    unused_for: timedelta = timedelta(hours=1)
    notice: timedelta = timedelta(seconds=5)


class Eviction:
    """Results are condemned first, and removed if nobody has used them by the end of the notice. A crash in
    between leaves them condemned, for the next time. Several processes may do this at once."""

    def __init__(self, database: Database, storage: StorageManager, rules: EvictionRules) -> None:
        self._database = database
        self._storage = storage
        self._rules = rules

    async def run(self, at_rest: AtRest) -> int:
        """Returns how many results were removed. In the block of `at_rest(key)` nobody here is given that
        one, unless it says that somebody has it."""
        removed = await self._remove(at_rest)
        if await self._condemn():
            await asyncio.sleep(self._rules.notice.total_seconds())
            removed += await self._remove(at_rest)
        return removed

    async def _condemn(self) -> int:
        async with self._database.read() as session:
            size = await session.scalar(select(func.sum(MemoEntry.size))) or 0
            began = await self._rules.began(session)
        if self._rules.most_bytes is None or size <= self._rules.most_bytes:
            return 0
        excess = size - self._rules.most_bytes * TARGET_SHARE
        before = min(filter(None, (utc_now() - self._rules.unused_for, began)))
        condemned = spared = 0
        while excess > 0:
            async with self._database.write() as session:
                page = await _least_recently_used(session, before, spared)
                free = await self._unreferred(session, [entry.key for entry in page])
                going: list[str] = []
                for entry in page:
                    if excess > 0 and entry.key in free:
                        going.append(entry.key)
                        excess -= entry.size
                values = {"condemned_at": utc_now()}
                await session.execute(update(MemoEntry).where(MemoEntry.key.in_(going)).values(values))
            if not page:
                break
            condemned += len(going)
            spared += len(page) - len(going)
        return condemned

    async def _remove(self, at_rest: AtRest) -> int:
        """Objects go before their rows: a row alone does no harm, an object alone would never be counted."""
        removed = 0
        while keys := await self._due():
            gone = [key for key in keys if await self._delete(key, at_rest)]
            async with self._database.write() as session:
                condemned = MemoEntry.condemned_at.is_not(None)
                await session.execute(delete(MemoEntry).where(MemoEntry.key.in_(gone), condemned))
                await session.execute(delete(MemoUse).where(MemoUse.key.in_(gone)))
                kept = MemoEntry.key.in_(set(keys) - set(gone))
                await session.execute(update(MemoEntry).where(kept).values(condemned_at=None))
            removed += len(gone)
        return removed

    async def _due(self) -> list[str]:
        due = MemoEntry.condemned_at <= utc_now() - self._rules.notice
        async with self._database.read() as session:
            return list(await session.scalars(select(MemoEntry.key).where(due).limit(PAGE)))

    async def _delete(self, key: str, at_rest: AtRest) -> bool:
        async with at_rest(key) as resting:
            if not resting:
                return False
            async with self._database.read() as session:
                if not await self._unreferred(session, [key]):
                    return False
            await self._storage.delete(object_key(key))
            return True

    async def _unreferred(self, session: AsyncSession, keys: Sequence[str]) -> set[str]:
        referred = await self._rules.referred(session, [object_key(key) for key in keys])
        return {key for key in keys if object_key(key) not in referred}


async def condemn_those_of(session: AsyncSession, video_id: str) -> None:
    """What was made for a video and used for no other is about to go."""
    its, others = aliased(MemoUse), aliased(MemoUse)
    shared = exists().where(others.key == its.key, others.video_id != video_id)
    alone = select(its.key).where(its.video_id == video_id, ~shared)
    await session.execute(
        update(MemoEntry).where(MemoEntry.key.in_(alone)).values(condemned_at=utc_now()),
        execution_options={"synchronize_session": False},
    )
    await session.execute(delete(MemoUse).where(MemoUse.video_id == video_id))


async def _least_recently_used(session: AsyncSession, before: datetime, spared: int) -> Sequence[MemoEntry]:
    query = (
        select(MemoEntry)
        .where(MemoEntry.last_used_at < before, MemoEntry.condemned_at.is_(None))
        .order_by(MemoEntry.last_used_at, MemoEntry.key)
        .offset(spared)
        .limit(PAGE)
    )
    return (await session.scalars(query)).all()
