"""What was made and what was used again: noted in few transactions, by many at once."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakKeyDictionary

from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database, insert_into, utc_now
from app.core.errors import Problem
from app.core.work import Work, current_work
from app.memo.models import MemoEntry, MemoUse
from app.memo.units import Unit

logger = logging.getLogger(__name__)

NOTING_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Effort:
    """What making a result took: US dollars, None where a price is not known, and seconds."""

    cost: float | None
    seconds: float


@dataclass(slots=True)
class _Noted:
    kind: str
    size: int
    hits: int = 0
    effort: Effort | None = None
    videos: set[str] = field(default_factory=set)
    at: datetime = field(default_factory=utc_now)


class Uses:
    """One transaction for many uses: one each would cost more than most recalls.

    The object alone tells that a unit is done: its row may come later, or never after a crash.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unwritten: dict[str, _Noted] = {}
        self._in_hand: WeakKeyDictionary[Work, set[str]] = WeakKeyDictionary()
        self._noting: asyncio.Task[None] | None = None

    def made(self, unit: Unit, size: int, effort: Effort, *, costly: bool) -> None:
        """A job is spared nothing by its assistants: the costly units that it will find, since it makes none
        of them a second time, are taken off beforehand."""
        noted = self._note(unit, size)
        noted.size, noted.effort = size, effort
        noted.hits -= self._take_in_hand(unit) and costly and _assists()

    def reused(self, unit: Unit, size: int) -> None:
        """A job that takes the same several times is spared it once, and not what it made itself."""
        noted = self._note(unit, size)
        noted.hits += self._take_in_hand(unit) and not _assists()

    def in_hand(self, key: str) -> bool:
        """Whether a job that runs here has made or used it."""
        return any(key in keys and not work.ended for work, keys in self._in_hand.items())

    async def written(self) -> None:
        """Everything noted so far is in the database."""
        if self._noting is not None:
            await self._noting

    def _take_in_hand(self, unit: Unit) -> bool:
        """Whether that is new to the job and what it is a stage of, if it is for one."""
        work = current_work()
        if work is None:
            return True
        mine = self._in_hand.setdefault(work, set())
        known = any(
            unit.key in keys
            for other, keys in self._in_hand.items()
            if other.whole == work.whole and not other.ended
        )
        mine.add(unit.key)
        return not known

    def _note(self, unit: Unit, size: int) -> _Noted:
        noted = self._unwritten.setdefault(unit.key, _Noted(unit.kind, size))
        if (work := current_work()) is not None:
            noted.videos.add(work.video_id)
        if self._noting is None:
            self._noting = asyncio.create_task(self._write())
        return noted

    async def _write(self) -> None:
        try:
            while self._unwritten:
                await asyncio.sleep(NOTING_SECONDS)
                uses, self._unwritten = self._unwritten, {}
                async with self._database.write() as session:
                    await _upsert(session, uses)
        except (SQLAlchemyError, Problem) as error:  # no result is lost over a note about it
            logger.warning("uses of the memo were not noted: %s", error)
        finally:
            self._noting = None


def _assists() -> bool:
    work = current_work()
    return work is not None and work.assistant > 0


async def _upsert(session: AsyncSession, uses: Mapping[str, _Noted]) -> None:
    """Whoever comes second adds to the row of the first. In the order of the keys: in another, two processes
    would block each other."""
    insert = insert_into(session, MemoEntry)
    new = insert.excluded
    added = insert.on_conflict_do_update(
        index_elements=[MemoEntry.key],
        set_={
            "size": new.size,
            "hits": MemoEntry.hits + new.hits,
            "cost": func.coalesce(new.cost, MemoEntry.cost),
            "seconds": func.coalesce(new.seconds, MemoEntry.seconds),
            "last_used_at": new.last_used_at,
            "condemned_at": None,
        },
    )
    await session.execute(added, [_row(key, uses[key]) for key in sorted(uses)])
    users = [{"key": key, "video_id": video} for key in sorted(uses) for video in sorted(uses[key].videos)]
    if users:
        await session.execute(insert_into(session, MemoUse).on_conflict_do_nothing(), users)


def _row(key: str, noted: _Noted) -> Mapping[str, object]:
    return {
        "key": key,
        "kind": noted.kind,
        "size": noted.size,
        "hits": noted.hits,
        "cost": noted.effort and noted.effort.cost,
        "seconds": noted.effort and noted.effort.seconds,
        "created_at": noted.at,
        "last_used_at": noted.at,
    }
