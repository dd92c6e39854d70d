"""JobQueue: durable execution on DBOS. The workflow's id is the job's id; one workflow is one job."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import sqlalchemy
from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import event

from app.jobs.task import QueueName

# Fixed: DBOS only recovers the work of its own version, and ours is resumable across releases.
APPLICATION_VERSION = "1"
POLLING_SECONDS = 0.1
FINAL_STATES = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


class JobQueue:
    """Runs `execute(job_id)` for every job put in, across crashes, until it returns.

    `executor` names this process; what it left unfinished is taken up again by the next process of that
    name. Jobs wait in the `api` queue (they wait on the network) or the `cpu` queue (they use this machine).
    """

    def __init__(
        self,
        database_url: str,
        executor: str,
        sizes: dict[QueueName, int],
        execute: Callable[[str], Awaitable[None]],
    ) -> None:
        self._url = database_url
        self._executor = executor
        self._sizes = sizes
        self._execute = execute
        self._running: dict[str, asyncio.Task[None]] = {}

    async def launch(self) -> None:
        """Starts work at once with what a former process left."""
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        engine = _sqlite_engine(self._url) if self._url.startswith("sqlite") else None
        config = DBOSConfig(
            name="dubbing",
            system_database_url=self._url,
            application_version=APPLICATION_VERSION,
            executor_id=self._executor,
            log_level="CRITICAL",
        )
        if engine is not None:
            config["system_database_engine"] = engine
        DBOS(config=config)

        @DBOS.workflow(name="run_job")
        async def run_job(job_id: str) -> None:
            await DBOS.run_step_async({"name": "run", "preemptible": True}, self._track, job_id)

        self._workflow = run_job
        DBOS.launch()
        for name, size in self._sizes.items():
            await DBOS.register_queue_async(
                name,
                worker_concurrency=size,
                polling_interval_sec=POLLING_SECONDS,
                on_conflict="always_update",
            )

    async def close(self) -> None:
        """Stops this process's jobs where they are; they go on at the next launch."""
        await self._stop(*self._running)
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)

    async def put(self, job_id: str, queue: QueueName) -> None:
        """Does nothing if the job is already in."""
        with SetWorkflowID(job_id):
            await DBOS.enqueue_workflow_async(queue, self._workflow, job_id)

    async def cancel(self, job_id: str) -> None:
        """A job running here stops now, one in another process within about a second."""
        await DBOS.cancel_workflow_async(job_id)
        await self._stop(job_id)

    async def put_again(self, job_id: str, queue: QueueName) -> None:
        """Queue a job whose workflow has ended; one that has not is left as it is."""
        await self._stop(job_id)
        state = await DBOS.get_workflow_status_async(job_id)
        if state is None:
            await self.put(job_id, queue)
        elif state.status in FINAL_STATES:
            await DBOS.rewind_workflow_async(job_id, queue_name=queue)

    async def _track(self, job_id: str) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._running[job_id] = task
        try:
            await self._execute(job_id)
        finally:
            self._running.pop(job_id, None)

    async def _stop(self, *job_ids: str) -> None:
        tasks = [self._running[job_id] for job_id in job_ids if job_id in self._running]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5)


def _sqlite_engine(url: str) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(
        url, connect_args={"isolation_level": "IMMEDIATE", "check_same_thread": False, "timeout": 10}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path.absolute()}"
