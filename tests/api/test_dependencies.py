"""FastAPI runs nothing that a request waits for in a thread: each such hop would wait for a processor."""

import inspect
from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.main import ROUTERS


def test_every_dependency_is_asynchronous() -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    assert routes
    assert not {name for route in routes for name in _threaded(route.dependant)}


def _threaded(dependant: Dependant) -> Iterator[str]:
    for needed in dependant.dependencies:
        call = needed.call if inspect.isroutine(needed.call) else type(needed.call).__call__
        if not (inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)):
            yield call.__qualname__
        yield from _threaded(needed)
