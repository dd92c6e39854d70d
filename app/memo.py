"""The memo: content-addressed results of units that cost money or seconds.

It is the checkpoint of a job, the cache of what engines answered, and the reason why an edit of one line
re-does one line.
"""

import asyncio
import hashlib
import json
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, Database, utc_now
from app.storage.manager import StorageManager

Make = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of work by what determines its result: equal units have equal results.

    `kind` names the work, `engine` and `model` who does it, `content` is the hash or text worked on, and
    `parameters` everything else that changes the outcome.
    """

    kind: str
    engine: str
    model: str
    content: str
    parameters: tuple[tuple[str, str | float | bool | None], ...] = ()

    @property
    def key(self) -> str:
        material = [self.kind, self.engine, self.model, self.content, sorted(self.parameters)]
        return hashlib.sha256(json.dumps(material, ensure_ascii=False).encode()).hexdigest()


class MemoEntry(Base):
    """Where a result is kept and when it was last of use; `size` in bytes."""

    __tablename__ = "memo"

    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    size: Mapped[int]
    hits: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_used_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class Memo:
    """Shared by all jobs and videos; two who want the same unit at once share the work."""

    def __init__(self, database: Database, storage: StorageManager) -> None:
        self._database = database
        self._storage = storage
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def recall(self, unit: Unit, make: Make) -> bytes:
        """The result of a unit: remembered, or made now and kept."""
        key = unit.key
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            known = await self._read(key)
            if known is not None:
                return known
            result = await make()
            await self._keep(unit, key, result)
            return result

    async def _read(self, key: str) -> bytes | None:
        async with self._database.read() as session:
            if await session.get(MemoEntry, key) is None:
                return None
        try:
            result = await self._storage.read_bytes(_object_key(key))
        except FileNotFoundError:
            return None
        async with self._database.write() as session:
            used = update(MemoEntry).where(MemoEntry.key == key)
            await session.execute(used.values(hits=MemoEntry.hits + 1, last_used_at=utc_now()))
        return result

    async def _keep(self, unit: Unit, key: str, result: bytes) -> None:
        await self._storage.put_bytes(_object_key(key), result)
        async with self._database.write() as session:
            await session.merge(MemoEntry(key=key, kind=unit.kind, size=len(result)))


def _object_key(key: str) -> str:
    return f"memo/{key[:2]}/{key}"
