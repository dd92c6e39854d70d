"""The memo: content-addressed results of units that cost money or seconds.

It is the checkpoint of a job, the cache of what engines answered, and the reason why an edit of one line
re-does one line.
"""

import asyncio
import hashlib
import json
import logging
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.concurrency import seen_through
from app.core.database import Base, Database, utc_now
from app.core.errors import Problem
from app.storage.manager import StorageManager

Make = Callable[[], Awaitable[bytes]]
MakeFile = Callable[[], Awaitable[Path]]

logger = logging.getLogger(__name__)

NOTING_SECONDS = 0.2


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

    @property
    def object_key(self) -> str:
        """Where its result is stored, once it has been made."""
        return _object_key(self.key)


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
        self._uses: dict[str, _Uses] = {}
        self._noting: asyncio.Task[None] | None = None

    async def recall(self, unit: Unit, make: Make) -> bytes:
        """The result of a unit: remembered, or made now and kept."""
        async with self._turn(unit):
            try:
                result = await self._storage.read_bytes(unit.object_key)
            except FileNotFoundError:
                result = await make()
                await seen_through(self._storage.put_bytes(unit.object_key, result))
            self._use(unit, len(result))
            return result

    async def recall_file(self, unit: Unit, make: MakeFile, folder: Path) -> Path:
        """The same for what is too large to hold in memory: a private copy in `folder`, not to be changed."""
        async with self._turn(unit):
            if not await self._storage.exists(unit.object_key):
                await seen_through(self._storage.put_file(unit.object_key, await make()))
            path = await self._storage.fetch(unit.object_key, folder)
            self._use(unit, path.stat().st_size)
            return path

    async def close(self) -> None:
        """Everything noted is written."""
        if self._noting is not None:
            await self._noting

    def _turn(self, unit: Unit) -> asyncio.Lock:
        return self._locks.setdefault(unit.key, asyncio.Lock())

    def _use(self, unit: Unit, size: int) -> None:
        """The object alone tells that a unit is done: its row may come later, or never after a crash."""
        uses = self._uses.setdefault(unit.key, _Uses(unit.kind, size))
        uses.count += 1
        if self._noting is None:
            self._noting = asyncio.create_task(self._note())

    async def _note(self) -> None:
        """Many uses in one transaction: one each would cost more than most recalls."""
        try:
            while self._uses:
                await asyncio.sleep(NOTING_SECONDS)
                uses, self._uses = self._uses, {}
                async with self._database.write() as session:
                    for key, noted in uses.items():
                        await _note_uses(session, key, noted)
        except (SQLAlchemyError, Problem) as error:  # no result is lost over a note about it
            logger.warning("uses of the memo were not noted: %s", error)
        finally:
            self._noting = None


@dataclass(slots=True)
class _Uses:
    kind: str
    size: int
    count: int = 0


async def _note_uses(session: AsyncSession, key: str, uses: _Uses) -> None:
    entry = await session.get(MemoEntry, key)
    if entry is None:
        session.add(MemoEntry(key=key, kind=uses.kind, size=uses.size, hits=uses.count - 1))
    else:
        entry.hits += uses.count
        entry.last_used_at = utc_now()


def digest(material: object) -> str:
    """For a unit's `content`, where many things determine a result; `material` is what JSON can say."""
    return hashlib.sha256(json.dumps(material).encode()).hexdigest()


def _object_key(key: str) -> str:
    return f"memo/{key[:2]}/{key}"
