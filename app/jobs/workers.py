"""The processes that do jobs: their signs of life, and who gives none any more.

All times are the database's, since the clocks of machines differ.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import JSON, delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.concurrency import stopped
from app.core.database import Base, Database, database_time, take_turn
from app.core.errors import InvalidSettings, Problem
from app.jobs.models import QueueName
from app.jobs.sizes import Room

HEARTBEAT_SECONDS = 2.0
LONGEST_SILENCE = timedelta(seconds=10)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
ROLL = "workers"

logger = logging.getLogger(__name__)


class Worker(Base):
    """A process under its name. `home` is the machine and folder in which no other living process has it;
    `queues` are its rooms, as `WorkerQueue` tells them."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    home: Mapped[str]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    queues: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)


class Heartbeat:
    """Tells the others that this process lives, from `start` to `stop`, and hears of them."""

    def __init__(self, database: Database, name: str, home: str, rooms: Mapping[QueueName, Room]) -> None:
        self._database = database
        self._name = name
        self._home = home
        self._rooms = rooms
        self._beating: asyncio.Task[None] | None = None
        self._company: frozenset[str] = frozenset()

    @property
    def company(self) -> frozenset[str]:
        """The other processes that lived at the last beat."""
        return self._company

    async def start(self, dead: Collection[str]) -> None:
        """`dead` are processes known to have died in this home, former ones of this name among them.

        Raises `InvalidSettings` if a process of this name lives elsewhere.
        """
        async with self._database.write() as session:
            await take_turn(session, ROLL)
            here = (Worker.name.in_(dead), Worker.home == self._home)
            await session.execute(update(Worker).where(*here).values(seen_at=LONG_AGO))
            now = await database_time(session)
            former = await session.get(Worker, self._name)
            if former is not None and now - former.seen_at <= LONGEST_SILENCE:
                raise InvalidSettings(
                    f"WORKER_NAME: a process named {self._name} is already at work in {former.home}"
                )
            await session.merge(self._begun(now))
            self._company = await known_workers(session) - {self._name}
        self._beating = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """What this process left undone is anyone's from now on."""
        if self._beating is None:
            return
        await stopped(self._beating)
        with contextlib.suppress(SQLAlchemyError, Problem):
            async with self._database.write() as session:
                await session.execute(
                    update(Worker).where(Worker.name == self._name).values(seen_at=LONG_AGO)
                )

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                async with self._database.write() as session:
                    await self._sign(session)
            except (SQLAlchemyError, Problem) as error:
                logger.warning("could not give a sign of life: %s", error)

    async def _sign(self, session: AsyncSession) -> None:
        now = await database_time(session)
        worker = await session.get(Worker, self._name)
        if worker is None:  # it was silent for so long that it was taken for dead
            session.add(self._begun(now))
        elif worker.home == self._home:
            worker.seen_at = now
            worker.queues = self._queues()
        self._company = await known_workers(session) - {self._name}

    def _begun(self, now: datetime) -> Worker:
        return Worker(name=self._name, home=self._home, started_at=now, seen_at=now, queues=self._queues())

    def _queues(self) -> list[dict[str, object]]:
        return [
            {"queue": queue, "size": room.size, "running": room.running}
            for queue, room in self._rooms.items()
        ]


async def living_workers(session: AsyncSession) -> Sequence[Worker]:
    """By their names."""
    oldest = await database_time(session) - LONGEST_SILENCE
    return (await session.scalars(select(Worker).where(Worker.seen_at >= oldest).order_by(Worker.name))).all()


async def known_workers(session: AsyncSession) -> frozenset[str]:
    """Every process whose jobs nobody has taken over."""
    return frozenset(await session.scalars(select(Worker.name)))


async def silent_workers(session: AsyncSession) -> frozenset[str]:
    """Those of them that have not been seen for `LONGEST_SILENCE`."""
    oldest = await database_time(session) - LONGEST_SILENCE
    seen = await session.execute(select(Worker.name, Worker.seen_at))
    return frozenset(name for name, seen_at in seen if seen_at < oldest)


async def forget_workers(session: AsyncSession, names: Collection[str]) -> None:
    """Once their jobs are taken over."""
    await session.execute(delete(Worker).where(Worker.name.in_(names)))
