"""What a feature hands to the job engine, and what a running body is given."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NoReturn, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database, take_turn
from app.core.schemas import RequestModel
from app.jobs.models import JobType
from app.jobs.partial import PartialResults
from app.jobs.schemas import TaskResult
from app.jobs.storage import Attempt, JobNoLongerActive, hold_current, mark_cancelled, mark_completed
from app.ledger.prices import Estimate

R = TypeVar("R", bound=RequestModel)


@dataclass(frozen=True, slots=True)
class Workload:
    """How much there is to do: `units` of the kind `rate_key`, each `prior_seconds` until measured."""

    units: float
    rate_key: str
    prior_seconds: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a stage would find: how many of its units are there already, and what the rest would cost."""

    ready: int
    cost: Estimate


class Reporter(Protocol):
    """Where a body says how far it is; cheap, callable from any thread of the event loop."""

    def report(self, fraction: float, message: str, **details: str | float) -> None:
        """`fraction` of the whole job from 0 to 1; `message` is a key of the catalogue's `[tasks]`."""
        ...


@dataclass(frozen=True, slots=True)
class RunningJob(Generic[R]):
    """One attempt at a job. `scratch` is its private folder, gone when the attempt ends; `objects` the prefix
    of what it stores, kept only if the attempt completes the job; `partial` takes what is finished of it.

    An assistant runs the same body over the same request in another process, for the units that this leaves
    in the memo. Nobody hears what it reports, and it cannot complete the job.
    """

    attempt: Attempt
    video_id: str
    request: R
    scratch: Path
    objects: str
    reporter: Reporter
    database: Database
    partial: PartialResults

    def report(self, fraction: float, message: str, **details: str | float) -> None:
        self.reporter.report(fraction, message, **details)

    def span(self, start: float, end: float, message: str) -> Callable[[float], None]:
        """A callback for a part of the job: its 0 to 1 become `start` to `end` of the whole."""
        return lambda fraction: self.report(start + (end - start) * fraction, message)

    def units_done(self) -> None:
        """What follows is of no use to another process: an assistant leaves (`JobNoLongerActive`)."""
        if self.attempt.assists:
            raise JobNoLongerActive(self.attempt.job_id)

    @asynccontextmanager
    async def completing(self) -> AsyncIterator["Completion"]:
        """The last transaction: what it writes becomes visible together with the job's completion, or,
        if the job was cancelled in the meantime, not at all (`JobNoLongerActive`)."""
        async with self.database.write() as session:
            await take_turn(session, self.video_id)
            await hold_current(session, self.attempt)
            yield Completion(session, self.attempt)

    async def give_up(self) -> NoReturn:
        """Ends the job as cancelled: what it waits for will not come. Raises `JobNoLongerActive`."""
        async with self.database.write() as session:
            await hold_current(session, self.attempt)
            await mark_cancelled(session, self.attempt.job_id)
        raise JobNoLongerActive(self.attempt.job_id)


@dataclass(frozen=True, slots=True)
class Completion:
    """The open last transaction of a job."""

    session: AsyncSession
    attempt: Attempt

    async def finish(self, result: TaskResult) -> None:
        await mark_completed(self.session, self.attempt, result)


@dataclass(frozen=True, slots=True)
class TaskDefinition(Generic[R]):
    """A kind of job: the request it takes and the body that does it."""

    job_type: JobType
    request_type: type[R]
    run: Callable[[RunningJob[R]], Awaitable[None]]
