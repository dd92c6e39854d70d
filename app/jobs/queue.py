"""JobQueue: durable execution on DBOS. A job's ticket is the id of the workflow that runs it."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import Any

import sqlalchemy
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from sqlalchemy import event

from app.jobs.models import QueueName
from app.jobs.pace import BUSY_SECONDS, Pace
from app.jobs.sizes import NoRoom, Room, Sizes

# Fixed: DBOS only recovers the work of its own version, and ours is resumable across releases.
APPLICATION_VERSION = "1"
STOP_SECONDS = 5.0
# A ticket for which there is no room here is soon free for others to take.
ROOM_PATIENCE = 2.0
# DBOS takes the lower number first, and counts from 1.
ORDINARY_PRIORITY = 1000
FORGOTTEN_AT_ONCE = 500
DONE = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]

# Called with the ids of a job and of its ticket.
Execute = Callable[[str, str], Awaitable[None]]


class TicketState(Enum):
    """Where a ticket stands. `TAKEN` is one that a process works on, or worked on when it died."""

    UNKNOWN = auto()
    IN_HAND = auto()
    TAKEN = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a ticket stands, and the process that has it if it is `TAKEN`."""

    state: TicketState
    holder: str | None = None


class JobQueue:
    """Has every ticket that is put in executed, across crashes, until that returns.

    A ticket is done once: what is to run again needs a new one. So whoever cancels a job and whoever
    retries it need not know of each other.

    `executor` names this process; what it left unfinished is taken up again by the next process of that
    name. Jobs of the `api` queue wait on the network, those of the `cpu` and `trim` queues use this machine,
    and those of the `pipeline` queue wait for others. `largest` are how many ever run at once, and `rooms`
    how many do for now: the queue itself gives out to every process what the largest of them can do, and
    what is taken without room for it goes back to where it was in the line.
    """

    def __init__(
        self,
        database_url: str,
        executor: str,
        largest: Sizes,
    ) -> None:
        self._url = database_url
        self.executor = executor
        self.rooms: Mapping[QueueName, Room] = {queue: Room(size) for queue, size in largest.items()}
        self._pace = Pace(self.rooms)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._closing = False

    async def launch(self, execute: Execute) -> None:
        """Starts work at once with what a former process left."""
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        engine = _sqlite_engine(self._url) if self._url.startswith("sqlite") else None
        config = DBOSConfig(
            name="dubbing",
            system_database_url=self._url,
            application_version=APPLICATION_VERSION,
            executor_id=self.executor,
            log_level="CRITICAL",
        )
        if engine is not None:
            config["system_database_engine"] = engine
        DBOS(config=config)

        # It would count anew with every ticket, and with every one handed back: the job's row does.
        @DBOS.workflow(name="run_job", max_recovery_attempts=None)
        async def run_job(job_id: str, ticket: str, queue: QueueName) -> None:
            await DBOS.run_step_async(
                {"name": "run", "preemptible": True}, self._track, execute, job_id, ticket, queue
            )

        self._workflow = run_job
        DBOS.launch()
        for queue, room in self.rooms.items():
            await _open(queue, room.size)
        self._pace.launch()

    async def close(self) -> None:
        """Stops this process's jobs where they are; they go on at the next launch."""
        self._closing = True
        await self._pace.close()
        await self._stop(*self._running)
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)

    async def put(
        self, job_id: str, ticket: str, queue: QueueName, priority: int = 0, delay: float = 0.0
    ) -> None:
        """Does nothing if the ticket is already in. The higher the `priority`, the sooner it is taken, but
        not in the first `delay` seconds."""
        options = SetEnqueueOptions(priority=ORDINARY_PRIORITY - priority, delay_seconds=delay or None)

        async def enqueue() -> None:
            with SetWorkflowID(ticket), options:
                await DBOS.enqueue_workflow_async(queue, self._workflow, job_id, ticket, queue)
            await self._pace.quicken()

        await _outside_jobs(enqueue())

    async def cancel(self, ticket: str) -> None:
        """A job running here has stopped on return, one in another process stops within about a second."""
        await self._stop(ticket)
        await _outside_jobs(DBOS.cancel_workflow_async(ticket))

    async def forget(self, before: datetime) -> None:
        """Tickets that were done before then."""
        while True:
            done = await DBOS.list_workflows_async(
                status=DONE,
                completed_before=before.isoformat(),
                limit=FORGOTTEN_AT_ONCE,
                load_input=False,
                load_output=False,
            )
            if not done:
                return
            await DBOS.delete_workflows_async([workflow.workflow_id for workflow in done])

    async def standing(self, ticket: str) -> Standing:
        if ticket in self._running:
            return Standing(TicketState.IN_HAND)
        found = await DBOS.get_workflow_status_async(ticket)
        if found is None:
            return Standing(TicketState.UNKNOWN)
        return Standing(_STATES[found.status], found.executor_id)

    async def taken_by(self, processes: Collection[str]) -> list[str]:
        """The tickets that these processes work on, or worked on when they died."""
        found = await DBOS.list_workflows_async(
            status="PENDING", executor_id=list(processes), load_input=False, load_output=False
        )
        return [workflow.workflow_id for workflow in found]

    async def _track(self, execute: Execute, job_id: str, ticket: str, queue: QueueName) -> None:
        task = asyncio.current_task()
        if task is None or self._closing:
            raise asyncio.CancelledError  # leaves it to the next process
        self._running[ticket] = task
        try:
            async with self.rooms[queue].place(ROOM_PATIENCE):
                await execute(job_id, ticket)
        except NoRoom:
            await _outside_jobs(_back_in_line(ticket, queue))
            raise asyncio.CancelledError from None  # leaves it to whoever takes it next
        finally:
            del self._running[ticket]

    async def _stop(self, *tickets: str) -> None:
        tasks = [self._running[ticket] for ticket in tickets if ticket in self._running]
        for task in tasks:
            if not task.cancelling():  # a second time would cut its cleaning up short
                task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)


_STATES = {
    "DELAYED": TicketState.IN_HAND,
    "ENQUEUED": TicketState.IN_HAND,
    "PENDING": TicketState.TAKEN,
    "SUCCESS": TicketState.ENDED,
    "ERROR": TicketState.ENDED,
    "CANCELLED": TicketState.ENDED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": TicketState.ENDED,
}


async def _open(queue: QueueName, size: int | None) -> None:
    """Makes the queue known. The process that has most room says how many tickets each may take."""
    known = await DBOS.retrieve_queue_async(queue)
    others = None if known is None else await known.get_worker_concurrency_async()
    await DBOS.register_queue_async(
        queue,
        worker_concurrency=None if size is None else max(size, others or 0),
        polling_interval_sec=BUSY_SECONDS,
        on_conflict="always_update",
    )


async def _back_in_line(ticket: str, queue: QueueName) -> None:
    await DBOS.resume_workflow_async(ticket, queue_name=queue)


async def _outside_jobs(call: Coroutine[Any, Any, None]) -> None:
    """A job may start and end others, which DBOS would otherwise take for steps of its own."""
    await asyncio.create_task(call, context=Context())


def _sqlite_engine(url: str) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(
        url,
        connect_args={"isolation_level": "IMMEDIATE", "check_same_thread": False, "timeout": 10},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    """What the queue may forget in a loss of power, the jobs' own rows still know."""
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path.absolute()}"
