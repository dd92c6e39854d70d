"""AlertManager: tells the operator, once per cause, of what needs a person."""

import logging
import traceback

logger = logging.getLogger("app.alerts")


class AlertManager:
    """Alerts go to the log at CRITICAL, where any collector finds them; the same cause is told once until
    the server starts again, and counted after that."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def unexpected_error(self, reference: str, where: str, error: BaseException) -> None:
        """A defect: the full trace, under a reference that the client was given."""
        cause = f"{type(error).__name__} at {_place(error)}"
        self._told[cause] = self._told.get(cause, 0) + 1
        if self._told[cause] == 1:
            logger.critical("%s: %s in %s", reference, cause, where, exc_info=error)
        else:
            logger.error("%s: again (%d times) %s in %s", reference, self._told[cause], cause, where)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rsplit('/app/', 1)[-1]}:{frames[-1].lineno}" if frames else "nowhere"
