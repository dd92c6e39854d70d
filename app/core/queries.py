"""Query parameters that nobody reads are refused: a misspelt one would be taken for one not given."""

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from app.core.caller import LINK_PARAMETERS

LONGEST_SHOWN = 50


async def refuse_unknown_query(request: Request) -> None:
    """A dependency of every route; those of pages take what they are sent. What links add is looked at by
    whoever lets callers in. Raises `RequestValidationError` naming what its route does not know."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute) or not route.include_in_schema:
        return
    unknown = sorted(request.query_params.keys() - _known(route.dependant) - LINK_PARAMETERS)
    if unknown:
        raise RequestValidationError([_unknown(name) for name in unknown])


def _unknown(name: str) -> dict[str, object]:
    return {"type": "extra_forbidden", "loc": ("query", name[:LONGEST_SHOWN]), "msg": "Unknown parameter"}


def _known(dependant: Dependant) -> set[str]:
    """What the route and its dependencies read."""
    own = {parameter.alias for parameter in dependant.query_params}
    return own.union(*map(_known, dependant.dependencies))
