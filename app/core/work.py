"""On whose behalf the running code works: what engines' gates and ledgers have to know of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Event


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Work:
    """A job at work, in one attempt.

    The shares of projects in an engine are equal whatever each asks, and so are those of a project's videos;
    `priority` decides between the jobs of one video, the higher first. `parent_id` is the task it is a stage
    of, and `max_cost` what both may come to, in US dollars; `most_cost` is that of all the project's tasks
    in a month. `assistant` is 0 in the process that has the job, and the number of each other that helps it.
    """

    task_id: str
    video_id: str
    project_id: str | None
    priority: int = 0
    parent_id: str | None = None
    max_cost: float | None = None
    most_cost: float | None = None
    assistant: int = 0
    _ended: Event = field(default_factory=Event, init=False, repr=False)

    @property
    def whole(self) -> str:
        """The task that it is a stage of, or its own."""
        return self.parent_id or self.task_id

    @property
    def ended(self) -> bool:
        """What the job left in the background, timers among it, may refer to it for longer."""
        return self._ended.is_set()


_current: ContextVar[Work | None] = ContextVar("work", default=None)


def current_work() -> Work | None:
    """None outside jobs, such as for the preview of a voice."""
    return _current.get()


@contextmanager
def working_on(work: Work) -> Iterator[None]:
    """Tasks that are started in the block inherit it."""
    token = _current.set(work)
    try:
        yield
    finally:
        _current.reset(token)
        work._ended.set()
