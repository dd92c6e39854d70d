"""Which results are kept, without reading them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.memo.models import MemoEntry

# Databases take so many values in one question.
_KEYS_AT_ONCE = 500


async def remembered(session: AsyncSession, keys: Sequence[str]) -> frozenset[str]:
    """Those of the units' keys whose results are there. What was made a moment ago may not be told yet."""
    found: set[str] = set()
    for some in _parts(keys):
        found.update(await session.scalars(select(MemoEntry.key).where(MemoEntry.key.in_(some))))
    return frozenset(found)


async def costs_since(session: AsyncSession, keys: Sequence[str], since: datetime) -> dict[str, float | None]:
    """What the units that were made since then have cost in US dollars, None where that is not known, by
    their keys."""
    found: dict[str, float | None] = {}
    for some in _parts(keys):
        query = select(MemoEntry.key, MemoEntry.cost)
        query = query.where(MemoEntry.key.in_(some), MemoEntry.created_at >= since)
        found.update({row.key: row.cost for row in await session.execute(query)})
    return found


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _KEYS_AT_ONCE] for start in range(0, len(keys), _KEYS_AT_ONCE))
