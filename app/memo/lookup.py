"""Which results are kept, without reading them."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.memo.models import MemoEntry
from app.memo.uses import NOTING_SECONDS

# How often it is looked for what may not be noted yet.
_ROUNDS = 5
# Databases take so many values in one question.
_KEYS_AT_ONCE = 500


async def remembered(session: AsyncSession, keys: Sequence[str]) -> frozenset[str]:
    """Those of the units' keys whose results are there. What was made a moment ago may not be told yet."""
    found: set[str] = set()
    for some in _parts(keys):
        found.update(await session.scalars(select(MemoEntry.key).where(MemoEntry.key.in_(some))))
    return frozenset(found)


async def costs_since(database: Database, keys: Sequence[str], since: datetime) -> dict[str, float | None]:
    """What the units that were made since then have cost in US dollars, None where that is not known, by
    their keys. Waits a moment for what was made just now."""
    for _ in range(_ROUNDS):
        rows = await _rows(database, keys)
        if len(rows) == len(set(keys)):
            break
        await asyncio.sleep(NOTING_SECONDS)
    return {row.key: row.cost for row in rows if row.created_at >= since}


async def _rows(database: Database, keys: Sequence[str]) -> list[MemoEntry]:
    rows: list[MemoEntry] = []
    async with database.read() as session:
        for some in _parts(keys):
            rows += await session.scalars(select(MemoEntry).where(MemoEntry.key.in_(some)))
    return rows


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _KEYS_AT_ONCE] for start in range(0, len(keys), _KEYS_AT_ONCE))
