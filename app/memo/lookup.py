"""Which results are kept, without reading them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.memo.models import MemoEntry

# Databases take so many values in one question.
_KEYS_AT_ONCE = 500


async def remembered(session: AsyncSession, keys: Sequence[str]) -> frozenset[str]:
    """Those of the units' keys whose results are there. What was made a moment ago may not be told yet."""
    found: set[str] = set()
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[start : start + _KEYS_AT_ONCE]
        found.update(await session.scalars(select(MemoEntry.key).where(MemoEntry.key.in_(some))))
    return frozenset(found)
