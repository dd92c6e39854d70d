"""The one connection to OpenAI, or to a server that speaks its protocol, which every engine shares."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from app.core.concurrency import seen_through
from app.core.errors import ErrorCode, Problem
from app.core.gate.gate import Gate, GateShut
from app.core.gate.headers import resting_seconds
from app.core.gate.line import Place
from app.core.retrying import Retries
from app.core.settings import RETIRED_MODELS, Settings

if TYPE_CHECKING:
    from httpx2 import Response
    from openai import AsyncOpenAI

A = TypeVar("A")
T = TypeVar("T")

_NO_KEY = "none"


class OpenAIClient:
    """Calls go through the `gate`, which its answers teach, and are tried again where that may help.

    The SDK is imported and the connection pool built at the first call.
    """

    def __init__(self, settings: Settings, gate: Gate) -> None:
        self._settings = settings
        self._gate = gate
        self._retries = Retries(settings.openai_max_retries, settings.openai_retry_seconds)
        self._key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else _NO_KEY
        written = "openai_model_aliases" in settings.model_fields_set
        self._operators_aliases = settings.openai_model_aliases if written else {}
        self._connecting = asyncio.Lock()
        self._sdk: AsyncOpenAI | None = None

    @property
    def is_compatible_server(self) -> bool:
        """Whether calls go to a server the operator named, which may have models and voices of its own."""
        return self._settings.openai_base_url is not None

    def resolve_model(self, requested: str | None, default: str) -> str:
        """The model that runs for the name a client asked for; `default` is the stage's own setting.

        An alias the operator wrote in OPENAI_MODEL_ALIASES is followed to the letter. Otherwise no name
        at all and the names retired upstream mean the default, so that choosing another default moves
        them along. Every other name is taken as it is.
        """
        if requested is None:
            return default
        if requested in self._operators_aliases:
            return self._operators_aliases[requested]
        return default if requested in RETIRED_MODELS else requested

    async def call(
        self,
        model: str,
        ask: "Callable[[AsyncOpenAI], Awaitable[A]]",
        read: Callable[[A], T],
        *,
        tokens: int = 0,
    ) -> T:
        """What `read` makes of the answer to what `ask` asks, which takes about so many `tokens`.

        Whatever the SDK raises leaves as a `Problem` with the details `model` and `reason`:
        ENGINE_AUTHENTICATION, ENGINE_QUOTA, ENGINE_RATE_LIMITED, MODEL_UNAVAILABLE, ENGINE_REFUSED,
        ENGINE_UNREACHABLE or ENGINE_BAD_ANSWER, as which `read` rejects an answer. `retry_after` is there
        where the server named the seconds. `read` runs in a thread, and once there is an answer no
        cancellation keeps it from being read.
        """
        sdk = await self._connect()
        place = self._gate.place(tokens)

        async def attempt() -> T:
            answer = await self._answer(model, place, lambda: ask(sdk))
            return await seen_through(asyncio.to_thread(read, answer))

        try:
            result: T = await self._retries.begin()(attempt)
        except GateShut as shut:
            seconds = round(shut.seconds)
            reason = f"it takes no requests for {seconds} s"
            raise Problem(
                ErrorCode.ENGINE_RATE_LIMITED, model=model, reason=reason, retry_after=seconds
            ) from shut
        return result

    async def aclose(self) -> None:
        if self._sdk is not None:
            await self._sdk.close()

    async def _answer(self, model: str, place: Place, ask: Callable[[], Awaitable[A]]) -> A:
        from openai import OpenAIError

        from app.core.openai_errors import as_problem, is_congestion

        async with self._gate.passing(place) as passage:
            try:
                answer = await ask()
            except OpenAIError as error:
                if is_congestion(error):
                    passage.congested()
                raise as_problem(error, model, self._key) from error
            except (ValueError, RecursionError) as error:  # broken, too deep, numbers too long
                raise Problem(
                    ErrorCode.ENGINE_BAD_ANSWER, model=model, reason="the answer is not JSON"
                ) from error
            passage.succeeded(_tokens_used(answer))
            return answer

    async def _heed(self, response: "Response") -> None:
        seconds = resting_seconds(response.headers, refused=response.is_error)
        if seconds > 0:
            self._gate.rest(seconds)

    async def _connect(self) -> "AsyncOpenAI":
        async with self._connecting:
            if self._sdk is None:
                self._sdk = await asyncio.to_thread(self._build)
            return self._sdk

    def _build(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        # The SDK would import these on first use, half-way through a call and on the event loop.
        for resource in ("openai.resources.audio", "openai.resources.chat", "app.core.openai_errors"):
            import_module(resource)
        base_url = self._settings.openai_base_url
        return AsyncOpenAI(
            api_key=self._key,
            base_url=str(base_url) if base_url else None,
            timeout=self._settings.openai_timeout_seconds,
            max_retries=0,
            http_client=DefaultAsyncHttpxClient(event_hooks={"response": [self._heed]}),
        )


def _tokens_used(answer: object) -> int | None:
    """None where the server does not tell, or the answer is none at all."""
    used = getattr(getattr(answer, "usage", None), "total_tokens", None)
    return used if isinstance(used, int) else None
