"""DiagnosticsCollector: what works, what is missing, and how to get it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.core.errors import InvalidSettings, Problem
from app.core.locales import catalogue
from app.core.settings import Locale

OPERATORS: Locale = "en"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check; `remedy` says how to mend it."""

    name: str
    healthy: bool
    detail: str
    remedy: str | None = None
    required: bool = True


Check = Callable[[], Awaitable[Finding]]


class DiagnosticsCollector:
    """Runs the checks that the parts of the server hand in."""

    def __init__(self, essential: Sequence[Check], thorough: Sequence[Check]) -> None:
        self._essential = essential
        self._thorough = thorough

    async def ready(self) -> list[Finding]:
        """The quick checks without which no request can be served."""
        return list(await asyncio.gather(*(check() for check in self._essential)))

    async def everything(self) -> list[Finding]:
        """Those and the slow ones, one after the other."""
        return [await check() for check in (*self._essential, *self._thorough)]


def checked(name: str, remedy: str, examine: Callable[[], Awaitable[str]], *, required: bool = True) -> Check:
    """A check from a coroutine that returns what it found or raises what is wrong."""

    async def check() -> Finding:
        try:
            return Finding(name, True, await examine(), required=required)
        except Problem as problem:
            text = catalogue(OPERATORS).error(problem.code, problem.details)
            return Finding(name, False, text.detail, remedy, required)
        except (OSError, InvalidSettings, LookupError) as error:
            return Finding(name, False, str(error), remedy, required)

    return check
