"""How a request reaches what the process owns, by type, with no import upwards."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from fastapi import Request

T = TypeVar("T")


class Provider(Protocol):
    """The composition root as the routers see it."""

    def get(self, kind: type[T]) -> T:
        """The one object of that type. Raises `KeyError` if the process owns none."""
        ...


def owned(kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """A FastAPI dependency that hands a route the process's one `kind`: async, like all of them, for FastAPI
    runs others in a thread."""

    async def provide(request: Request) -> T:
        provider: Provider = request.app.state.resources
        return provider.get(kind)

    return provide
