"""The one connection to OpenAI, or to a server that speaks its protocol, which every engine shares."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from app.core.errors import ErrorCode, Problem
from app.core.settings import RETIRED_MODELS, Settings

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAIError

_NO_KEY = "none"
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_LONGEST_REASON = 200


class OpenAIClient:
    """At most `openai_max_concurrency` calls at once, whatever the engines ask for together.

    The SDK is imported and the connection pool built at the first call. The SDK tries again by itself
    (429, 5xx and lost connections, honouring `Retry-After`); a call keeps its turn while it waits, so a
    server that is limiting requests is not sent new ones instead.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else _NO_KEY
        written = "openai_model_aliases" in settings.model_fields_set
        self._operators_aliases = settings.openai_model_aliases if written else {}
        self._turns = asyncio.Semaphore(settings.openai_max_concurrency)
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

    @asynccontextmanager
    async def call(self, model: str) -> AsyncIterator["AsyncOpenAI"]:
        """The SDK for one call to `model`, when its turn has come.

        Whatever the SDK raises inside leaves as a `Problem` with the details `model` and `reason`:
        ENGINE_AUTHENTICATION, ENGINE_QUOTA, ENGINE_RATE_LIMITED, MODEL_UNAVAILABLE, ENGINE_REFUSED,
        ENGINE_UNREACHABLE or ENGINE_BAD_ANSWER.
        """
        sdk = await self._connect()
        from openai import OpenAIError

        async with self._turns:
            try:
                yield sdk
            except OpenAIError as error:
                raise Problem(_code(error), model=model, reason=self._reason(error)) from error
            except (json.JSONDecodeError, UnicodeDecodeError) as error:
                raise Problem(
                    ErrorCode.ENGINE_BAD_ANSWER, model=model, reason="the answer is not JSON"
                ) from error

    async def aclose(self) -> None:
        if self._sdk is not None:
            await self._sdk.close()

    async def _connect(self) -> "AsyncOpenAI":
        async with self._connecting:
            if self._sdk is None:
                self._sdk = await asyncio.to_thread(self._build)
            return self._sdk

    def _build(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI

        # The SDK would import these on first use, half-way through a call and on the event loop.
        for resource in ("openai.resources.audio", "openai.resources.chat"):
            import_module(resource)
        base_url = self._settings.openai_base_url
        return AsyncOpenAI(
            api_key=self._key,
            base_url=str(base_url) if base_url else None,
            timeout=self._settings.openai_timeout_seconds,
            max_retries=self._settings.openai_max_retries,
        )

    def _reason(self, error: "OpenAIError") -> str:
        """One short line without the key, which some servers repeat in their refusals."""
        text = " ".join(_explanation(error).split()).replace(self._key, "[key]")
        return re.sub(r"\bsk-[\w*.-]+", "[key]", text)[:_LONGEST_REASON]


def _code(error: "OpenAIError") -> ErrorCode:
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIStatusError):
        return _code_of_status(error.status_code, {error.code, error.type})
    return (
        ErrorCode.ENGINE_UNREACHABLE if isinstance(error, APIConnectionError) else ErrorCode.ENGINE_BAD_ANSWER
    )


def _code_of_status(status: int, names: set[str | None]) -> ErrorCode:
    """`names` are what the server itself calls its error."""
    if status == 402 or names & _QUOTA_CODES:
        return ErrorCode.ENGINE_QUOTA
    if status == 404 or "model_not_found" in names:
        return ErrorCode.MODEL_UNAVAILABLE
    if status in (401, 403):
        return ErrorCode.ENGINE_AUTHENTICATION
    if status == 429:
        return ErrorCode.ENGINE_RATE_LIMITED
    if status in (408, 409) or status >= 500:
        return ErrorCode.ENGINE_UNREACHABLE
    return ErrorCode.ENGINE_REFUSED


def _explanation(error: "OpenAIError") -> str:
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    match error:
        case APIStatusError():
            message = error.body.get("message") if isinstance(error.body, Mapping) else None
            return f"HTTP {error.status_code}: {message or error.response.reason_phrase}"
        case APITimeoutError():
            return "no answer in time"
        case APIConnectionError():
            return str(error.__cause__ or error)
        case _:
            return str(error)
