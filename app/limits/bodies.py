"""How large a body may be: checked against what is announced, and again while it is read."""

from collections.abc import Callable

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import ErrorCode, Problem
from app.limits.rules import UPLOAD

LARGEST_JSON = 1024**2
# A subtitle file, or the changes of a long track.
LARGEST_TRACK = 10 * 1024**2


class BodyLimitMiddleware:
    """Refuses larger bodies, but for an upload's: that has a limit of its own. `refuse` makes an answer of
    a problem."""

    def __init__(self, app: ASGIApp, refuse: Callable[[Request, Problem], Response]) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = _limit(scope)
        if limit is None:
            await self._app(scope, receive, send)
        elif _announced(scope) > limit:
            await self._refusal(scope, limit)(scope, receive, send)
        else:
            await self._read(scope, receive, send, limit)

    async def _read(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        """Whoever reads on past the limit finds the client gone, and what is answered then is the refusal."""
        size = 0
        refused = False

        async def read() -> Message:
            nonlocal size
            if size <= limit:
                message = await receive()
                size += len(message.get("body", b""))
            return message if size <= limit else {"type": "http.disconnect"}

        async def answer(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and size > limit:
                refused = True
                await self._refusal(scope, limit)(scope, receive, send)
            elif not refused:
                await send(message)

        await self._app(scope, read, answer)

    def _refusal(self, scope: Scope, limit: int) -> Response:
        return self._refuse(Request(scope), Problem(ErrorCode.BODY_TOO_LARGE, limit=limit))


def _limit(scope: Scope) -> int | None:
    if scope["type"] != "http" or (scope["method"], scope["path"]) == UPLOAD:
        return None
    return LARGEST_TRACK if scope["method"] == "PUT" else LARGEST_JSON


def _announced(scope: Scope) -> int:
    announced = Headers(scope=scope).get("content-length", "0")
    return int(announced) if announced.isdecimal() else 0
