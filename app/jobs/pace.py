"""How often the queue is looked at: seldom while there is nothing in it, since every look costs."""

import asyncio
import logging
from collections.abc import Collection

from dbos import DBOS
from sqlalchemy.exc import SQLAlchemyError

from app.core.concurrency import stopped
from app.jobs.models import QueueName

BUSY_SECONDS, IDLE_SECONDS = 0.25, 1.0
LOOKING_SECONDS = 5.0
IN_LINE_OR_AT_WORK = ["ENQUEUED", "PENDING"]

logger = logging.getLogger(__name__)


class Pace:
    """One for all processes, which find it with the queue and agree on what it should be."""

    def __init__(self, queues: Collection[QueueName]) -> None:
        self._queues = queues
        self._is_slow = False
        self._keeping: asyncio.Task[None] | None = None

    def launch(self) -> None:
        self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        await stopped(self._keeping)

    async def quicken(self) -> None:
        """There is something in the queue again."""
        if self._is_slow:
            await self._set(is_slow=False)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LOOKING_SECONDS)
            try:
                await self._set(is_slow=not await _is_busy())
            except SQLAlchemyError as error:
                logger.warning("could not look how busy the queue is: %s", error)

    async def _set(self, *, is_slow: bool) -> None:
        self._is_slow = is_slow
        seconds = IDLE_SECONDS if is_slow else BUSY_SECONDS
        for name in self._queues:
            queue = await DBOS.retrieve_queue_async(name)
            if queue is not None and await queue.get_polling_interval_sec_async() != seconds:
                await queue.set_polling_interval_sec_async(seconds)


async def _is_busy() -> bool:
    some = await DBOS.list_workflows_async(
        status=IN_LINE_OR_AT_WORK, limit=1, load_input=False, load_output=False
    )
    return bool(some)
