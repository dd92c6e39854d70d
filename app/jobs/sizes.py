"""How many jobs this process does at once: as many as the machine has room for, again and again."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from app.core.concurrency import seen_through, stopped
from app.core.machine import Machine, MachineWatch
from app.jobs.models import QueueName

# One encoder keeps two cores busy.
CORES_PER_CPU_JOB = 2
CPU_JOB_BYTES = 500 * 1024**2
API_JOBS_PER_CORE = 4
API_JOB_BYTES = 100 * 1024**2
LOOKING_SECONDS = 2.0

# None is no limit.
Sizes = Mapping[QueueName, int | None]


def sizes_for(machine: Machine) -> Sizes:
    """At least one job of each kind, however little there is: what waits on the network leaves the cores to
    others, what does not has those that others leave."""
    left = machine.cores - machine.others
    api = min(round(machine.cores * API_JOBS_PER_CORE), machine.memory // API_JOB_BYTES)
    cpu = min(round(left / CORES_PER_CPU_JOB), machine.memory // CPU_JOB_BYTES)
    return {"api": max(1, api), "cpu": max(1, cpu)}


class NoRoom(Exception):
    """As many jobs are under way as there is room for."""


class Room:
    """Lets `size` jobs in at once, which may change while some are inside: they are never sent away."""

    def __init__(self, size: int | None) -> None:
        self.size = size
        self.running = 0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def place(self, patience: float) -> AsyncIterator[None]:
        """Waits for one so many seconds. Raises `NoRoom`."""
        try:
            async with asyncio.timeout(patience), self._changed:
                await self._changed.wait_for(self._has_place)
                self.running += 1
        except TimeoutError:
            raise NoRoom from None
        try:
            yield
        finally:
            self.running -= 1
            await seen_through(self._tell())

    async def resize(self, size: int | None) -> None:
        self.size = size
        await self._tell()

    def _has_place(self) -> bool:
        return self.size is None or self.running < self.size

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class SizeKeeper:
    """Has the rooms follow the machine; `fixed` are those that do not."""

    def __init__(self, rooms: Mapping[QueueName, Room], fixed: Sizes) -> None:
        self._following = {queue: room for queue, room in rooms.items() if queue not in fixed}
        self._keeping: asyncio.Task[None] | None = None

    def launch(self) -> None:
        if self._following:
            self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        await stopped(self._keeping)

    async def _keep(self) -> None:
        watch = await asyncio.to_thread(MachineWatch)
        while True:
            await asyncio.sleep(LOOKING_SECONDS)
            sizes = sizes_for(await asyncio.to_thread(watch.look))
            for queue, room in self._following.items():
                await room.resize(sizes[queue])
