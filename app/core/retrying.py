"""How often, how soon and for how long a call that failed is tried again."""

import logging
from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState, before_sleep_log, retry_if_exception, stop_after_attempt
from tenacity.stop import stop_base
from tenacity.wait import wait_random_exponential

from app.core.errors import ErrorCode, Problem

# What may pass by itself. All else is the same the next time.
PASSING = frozenset(
    (ErrorCode.ENGINE_UNREACHABLE, ErrorCode.ENGINE_RATE_LIMITED, ErrorCode.ENGINE_BAD_ANSWER)
)
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retries:
    """At most so `many`, and none once the first failure is `seconds` ago."""

    many: int
    seconds: float

    def begin(self) -> AsyncRetrying:
        """For one call. Between attempts it waits with full jitter, so that calls that failed together do
        not come back together."""
        return AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            wait=wait_random_exponential(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE),
            stop=stop_after_attempt(self.many + 1) | _OutOfTime(self.seconds),
            before_sleep=before_sleep_log(logger, logging.INFO),
            reraise=True,
        )


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, Problem) and error.code in PASSING


class _OutOfTime(stop_base):
    """Counted from the first failure: before that, a call may have waited long for its turn."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._failed_at: float | None = None

    def __call__(self, retry_state: RetryCallState) -> bool:
        now = retry_state.outcome_timestamp or 0.0
        if self._failed_at is None:
            self._failed_at = now
        return now - self._failed_at >= self._seconds
