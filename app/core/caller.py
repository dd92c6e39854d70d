"""Who makes a request, and what they may do: put into its scope before anything else looks at it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ConnectionScope

from app.core.errors import Problem

CALLER = "caller"
KEY_HEADER = "X-API-Key"
LINK, EXPIRES, SIGNATURE = "link", "expires", "signature"
# What signed links add to the query.
LINK_PARAMETERS = frozenset({LINK, EXPIRES, SIGNATURE})


class Scope(StrEnum):
    """What a key may be made for. `admin` is about projects, members, webhooks and the server itself."""

    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    JOBS_RUN = "jobs:run"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)


class CallerKind(StrEnum):
    """How somebody has shown who they are: a signed link, or nothing where the server is at home."""

    HOME = "home"
    SIGN_IN = "sign_in"
    KEY = "key"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Caller:
    """`id` is that of the sign-in, the key or the link. `project_id` where only one project can be reached,
    `expires_at` where a key has an end. `is_operator` tells who may look after the whole server."""

    kind: CallerKind
    id: str
    user_id: str | None
    scopes: frozenset[Scope]
    project_id: str | None = None
    is_operator: bool = False
    expires_at: datetime | None = None

    @property
    def subject(self) -> str:
        """Whom rate limits and idempotency keys belong to."""
        return self.id if self.kind is CallerKind.KEY else self.user_id or self.id


Identify = Callable[[Request], Awaitable[Caller]]


class CallerMiddleware:
    """Asks `identify` about every request to the API. Its `Problem` is kept for the route to raise: some
    are open to everybody."""

    def __init__(self, app: ASGIApp, identify: Identify) -> None:
        self._app = app
        self._identify = identify

    async def __call__(self, scope: ConnectionScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            try:
                scope[CALLER] = await self._identify(Request(scope))
            except Problem as problem:
                scope[CALLER] = problem
        await self._app(scope, receive, send)


def known_caller(scope: ConnectionScope) -> Caller | None:
    """None for who has not shown who they are."""
    caller = scope.get(CALLER)
    return caller if isinstance(caller, Caller) else None


def subject(scope: ConnectionScope) -> str | None:
    """Whom a request counts for."""
    caller = known_caller(scope)
    return None if caller is None or caller.kind is CallerKind.HOME else caller.subject


_BEARER = HTTPBearer(
    auto_error=False, scheme_name="Bearer", description="An access token of a sign-in, or an API key."
)
_KEY = APIKeyHeader(
    name=KEY_HEADER, auto_error=False, scheme_name="Key", description="An API key, for programs."
)


async def _identified(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
    key: Annotated[str | None, Security(_KEY)] = None,
) -> Caller:
    """Raises the `Problem` of who could not show who they are. The parameters are for the API's document."""
    found: Caller | Problem = request.scope[CALLER]
    if isinstance(found, Problem):
        raise found
    return found


Identified = Annotated[Caller, Security(_identified)]
