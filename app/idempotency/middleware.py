"""Every POST may carry an `Idempotency-Key`: sent again, it is answered as the first time and not done again.
Keys are each caller's own: nobody is given another's answer, nor one about what they may not see any more,
and an answer that holds a secret is not kept. Who is not known is refused by the route.

What is guaranteed: the key is marked as used in the transaction of the work, so that a crash at any moment
leaves either both or neither. A route of the class `RepeatableRoute` that works in the request's own
transaction keeps its answer in it, too. Others keep it right after: if the process dies in between, the
request is told `idempotency_answer_lost` when it comes again, and still not done twice. The same is told of
what was deleted since, with the answers that were about it. Answers of 500 and above are not kept, nor are
refusals for how things stand; they free the key.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import Request, Response
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.caller import known_caller
from app.core.concurrency import seen_through, stopped
from app.core.database import COMPANION, Database
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.idempotency.body import HashedBody
from app.idempotency.claim import REPLAY, Claim, Replay, kept_answer
from app.idempotency.models import IdempotencyKey, KeyState
from app.idempotency.storage import LEASE, Holder, abandon, hold, keep, keep_nothing, release, take

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
PATIENCE = 5.0
POLLING_SECONDS = 0.1
RETRY_AFTER = "5"
NOT_KEPT_FROM = 500
# Refusals for how things stand, such as a quota: the same request may be right a moment later.
OF_THE_MOMENT = frozenset({401, 403, 404, 409, 429})

logger = logging.getLogger(__name__)


class IdempotencyMiddleware:
    """`refuse` makes an answer of a problem."""

    def __init__(
        self, app: ASGIApp, database: Database, refuse: Callable[[Request, Problem], Response]
    ) -> None:
        self._app = app
        self._database = database
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = known_caller(scope)
        if caller is None or scope["method"] != "POST" or HEADER not in Headers(scope=scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        body = HashedBody(request.headers, receive)
        try:
            holder = Holder(f"{caller.subject} {_key_of(request)}", new_id("use"), caller.user_id)
            found = await self._take(holder, _target_of(request))
        except Problem as problem:
            answer = self._refuse(request, problem)
            if problem.code is ErrorCode.IDEMPOTENCY_KEY_IN_USE:
                answer.headers["Retry-After"] = RETRY_AFTER
            await answer(scope, receive, send)
            return
        if found is None:
            await self._perform(Claim(holder, body), scope, send)
        else:
            await self._app({**scope, REPLAY: Replay(found, body)}, body.receive, send)

    async def _take(self, holder: Holder, target: str) -> IdempotencyKey | None:
        """What was answered under the key before; None if the holder has it now. Waits a little for one that
        is under way."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            row = await self._row(holder, target)
            if row is not None and row.token == holder.token:
                return None
            if row is not None and row.target != target:
                raise Problem(ErrorCode.IDEMPOTENCY_KEY_REUSED)
            if row is not None and row.state is not KeyState.RUNNING:
                return row
            if asyncio.get_running_loop().time() > deadline:
                raise Problem(ErrorCode.IDEMPOTENCY_KEY_IN_USE)
            await asyncio.sleep(POLLING_SECONDS)

    async def _row(self, holder: Holder, target: str) -> IdempotencyKey | None:
        try:
            async with self._database.write() as session:
                return await take(session, holder, target)
        except IntegrityError:
            return None

    async def _perform(self, claim: Claim, scope: Scope, send: Send) -> None:
        """Nothing of the answer leaves before it is kept."""
        messages: list[Message] = []

        async def gather(message: Message) -> None:
            messages.append(message)

        try:
            async with self._held(claim):
                await self._app({**scope, COMPANION: claim}, claim.body.receive, gather)
                if not claim.is_kept:
                    await seen_through(self._keep(claim, messages))
        except BaseException:
            await seen_through(self._abandon(claim))
            raise
        for message in messages:
            await send(message)

    async def _keep(self, claim: Claim, messages: list[Message]) -> None:
        start, *rest = messages
        digest = await claim.body.read_on()
        headers = dict(Headers(raw=start["headers"]).items())
        content = b"".join(message.get("body", b"") for message in rest)
        async with self._database.write() as session:
            if claim.is_secret:
                await keep_nothing(session, claim.holder)
            elif digest is None or start["status"] >= NOT_KEPT_FROM:
                await release(session, claim.holder)
            else:
                if start["status"] in OF_THE_MOMENT:
                    await abandon(session, claim.holder)  # what was done all the same keeps its answer
                answer = kept_answer(digest, start["status"], headers, content)
                await keep(session, claim.holder, claim.about, answer)

    async def _abandon(self, claim: Claim) -> None:
        async with self._database.write() as session:
            await abandon(session, claim.holder)

    @asynccontextmanager
    async def _held(self, claim: Claim) -> AsyncIterator[None]:
        """A request may last longer than its hold on the key, which a crash is to end soon."""
        holding = asyncio.create_task(self._keep_holding(claim.holder))
        try:
            yield
        finally:
            await stopped(holding)

    async def _keep_holding(self, holder: Holder) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                async with self._database.write() as session:
                    await hold(session, holder)
            except (SQLAlchemyError, Problem) as error:
                logger.warning("the key of a request could not be held: %s", error)


def _key_of(request: Request) -> str:
    key = request.headers[HEADER]
    if not (key and key.isascii() and key.isprintable() and len(key) <= LONGEST_KEY):
        summary = f"{HEADER}: 1 … {LONGEST_KEY} ASCII"
        raise Problem(ErrorCode.INVALID_REQUEST, field=HEADER, summary=summary)
    return key


def _target_of(request: Request) -> str:
    query = request.url.query
    return f"{request.method} {request.url.path}{'?' if query else ''}{query}"
