"""Rate limits over HTTP: every answer tells where its caller stands, and who asks too often is told when
to ask again."""

from collections.abc import Callable, Sequence

from fastapi import Request, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import ErrorCode, Problem
from app.limits.rates import RateCounter, Rule, Standing

# Structured fields of draft-ietf-httpapi-ratelimit-headers.
POLICY = "RateLimit-Policy"
LIMIT = "RateLimit"
RETRY_AFTER = "Retry-After"
# What pages of other origins have to be allowed to read.
TOLD = (POLICY, LIMIT, RETRY_AFTER)


class RateLimitMiddleware:
    """Counts by `rules`; `refuse` makes an answer of a problem."""

    def __init__(
        self,
        app: ASGIApp,
        counter: RateCounter,
        rules: Sequence[Rule],
        refuse: Callable[[Request, Problem], Response],
    ) -> None:
        self._app = app
        self._counter = counter
        self._rules = rules
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        standings = await self._count(scope)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and standings:
                _tell(MutableHeaders(scope=message), standings)
            await send(message)

        refused = next((standing for standing in standings if not standing.allowed), None)
        answer = self._app if refused is None else self._refusal(Request(scope), refused)
        await answer(scope, receive, tell)

    async def _count(self, scope: Scope) -> list[Standing]:
        """Up to the first rule that refuses."""
        standings: list[Standing] = []
        for rule in self._rules:
            key = rule.key_of(scope)
            if key is not None:
                standings.append(await self._counter.count(rule, key))
                if not standings[-1].allowed:
                    break
        return standings

    def _refusal(self, request: Request, standing: Standing) -> Response:
        rule = standing.rule
        problem = Problem(
            ErrorCode.RATE_LIMITED, amount=rule.amount, window=rule.window, wait=standing.seconds
        )
        answer = self._refuse(request, problem)
        answer.headers[RETRY_AFTER] = str(standing.seconds)
        return answer


def _tell(headers: MutableHeaders, standings: Sequence[Standing]) -> None:
    for standing in standings:
        rule = standing.rule
        headers.append(POLICY, f'"{rule.name}";q={rule.amount};w={rule.window}')
        headers.append(LIMIT, f'"{rule.name}";r={standing.remaining};t={standing.seconds}')
