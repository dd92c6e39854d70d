"""When a job goes on that met what passes: an engine or a store that stays out of reach, a
disk that is full."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.errors import ErrorCode, Problem

# What does not concern the job and passes, and what it then says that it waits for.
OUTAGES = {
    ErrorCode.ENGINE_UNREACHABLE: "paused",
    ErrorCode.ENGINE_RATE_LIMITED: "paused",
    ErrorCode.STORAGE_FULL: "paused_disk_full",
    ErrorCode.STORAGE_UNREACHABLE: "paused_storage",
}
LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Pauses:
    """A job pauses for as long as the outage has lasted, but for at least `first` and at most ten minutes,
    which doubles the pauses; it does so until the outage is `longest` old."""

    first: timedelta
    longest: timedelta

    def until(self, problem: Problem, since: datetime | None, now: datetime) -> datetime | None:
        """When to go on after `problem` in an outage that began at `since`, None if that is now; not before
        the engine wants to be asked again. None if the job is to fail."""
        lasting = now - (since or now)
        if problem.code not in OUTAGES or lasting >= self.longest:
            return None
        told = timedelta(seconds=float(problem.details.get("retry_after", 0)))
        return now + max(told, min(max(lasting, self.first), LONGEST_PAUSE))
