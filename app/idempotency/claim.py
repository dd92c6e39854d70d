"""A request that holds its key: what it does and what it answers are kept together."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import COMPANION, after_commit
from app.core.errors import ErrorCode, Problem
from app.idempotency.body import HashedBody
from app.idempotency.models import IdempotencyKey
from app.idempotency.storage import Holder, KeptAnswer, keep

REPLAY = "replay"
REPLAYED = "Idempotent-Replayed"
KEPT_HEADERS = ("content-type", "location", "etag")
# The Cache-Control of answers that hold a secret: they are shown once.
NO_STORE = "no-store"


class Claim:
    """Goes with the transactions of its request. `is_kept` once the answer is in the database."""

    def __init__(self, holder: Holder, body: HashedBody) -> None:
        self.holder = holder
        self.body = body
        self.about: str | None = None
        self.is_kept = False
        self.is_secret = False
        self._answer: KeptAnswer | None = None

    def answered(self, response: Response) -> None:
        """Told before the request's transaction is committed."""
        self.is_secret = response.headers.get("cache-control") == NO_STORE
        digest = self.body.digest
        if self.is_secret:
            return
        if digest is not None and isinstance(response.body, bytes):
            self._answer = kept_answer(
                digest, response.status_code, dict(response.headers.items()), response.body
            )

    async def join(self, session: AsyncSession) -> None:
        """The last thing in a transaction of the request: from its commit on it cannot be done again. Raises
        `Problem(IDEMPOTENCY_KEY_IN_USE)`, which takes it back, if another request has taken the key over."""
        if not await keep(session, self.holder, self.about, self._answer):
            raise Problem(ErrorCode.IDEMPOTENCY_KEY_IN_USE)
        if self._answer is not None:
            after_commit(session, self._note_kept)

    async def _note_kept(self) -> None:
        self.is_kept = True


class Replay:
    """A request that was answered before."""

    def __init__(self, row: IdempotencyKey, body: HashedBody) -> None:
        self._row = row
        self._body = body

    async def answer(self) -> Response:
        """As the first time. Raises `Problem(IDEMPOTENCY_ANSWER_LOST)`, or
        `Problem(IDEMPOTENCY_KEY_REUSED)` if the body is another one."""
        row = self._row
        if row.status is None or row.headers is None:
            raise Problem(ErrorCode.IDEMPOTENCY_ANSWER_LOST)
        if await self._body.read_on(limit=None) != row.body:
            raise Problem(ErrorCode.IDEMPOTENCY_KEY_REUSED)
        return Response(row.content, row.status, row.headers | {REPLAYED: "true"})


Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class RepeatableRoute(APIRoute):
    """Its answer is kept in the same transaction as its work: FastAPI makes the answer, then ends the
    request's transaction, then sends. The answer is given again to whom its guards still let in."""

    def get_route_handler(self) -> Handler:
        if "POST" not in (self.methods or ()):
            return super().get_route_handler()
        guards = APIRoute(self.path, _let_in, dependencies=self.dependencies)
        return partial(_handle, super().get_route_handler(), guards.get_route_handler())


async def _let_in() -> None:
    """What is behind the guards of a route when nothing is to be done."""


async def _handle(handle: Handler, pass_guards: Handler, request: Request) -> Response:
    replay = request.scope.get(REPLAY)
    if isinstance(replay, Replay):
        await pass_guards(request)
        return await replay.answer()
    response = await handle(request)
    claim = request.scope.get(COMPANION)
    if isinstance(claim, Claim):
        claim.answered(response)
    return response


def kept_answer(digest: str, status: int, headers: dict[str, str], content: bytes) -> KeptAnswer:
    kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
    return KeptAnswer(digest, status, kept, content)
