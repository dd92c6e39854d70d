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

from sqlalchemy.orm import Mapped, mapped_column

from app.core.concurrency import seen_through
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
            try:
                result = await self._storage.read_bytes(_object_key(key))
            except FileNotFoundError:
                result = await make()
                await seen_through(self._storage.put_bytes(_object_key(key), result))
            await self._note_use(unit, key, len(result))
            return result

    async def _note_use(self, unit: Unit, key: str, size: int) -> None:
        """The object alone tells that a unit is done: after a crash its row may be missing."""
        async with self._database.write() as session:
            entry = await session.get(MemoEntry, key)
            if entry is None:
                session.add(MemoEntry(key=key, kind=unit.kind, size=size))
            else:
                entry.hits += 1
                entry.last_used_at = utc_now()


def _object_key(key: str) -> str:
    return f"memo/{key[:2]}/{key}"
