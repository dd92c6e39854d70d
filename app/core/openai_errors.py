"""What the SDK raises, as problems that a person can act on."""

import re
from collections.abc import Mapping

from httpx2 import DecodingError, RemoteProtocolError
from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

from app.core.errors import ErrorCode, Problem

_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_LONGEST_REASON = 200


def as_problem(error: OpenAIError, model: str, key: str) -> Problem:
    """With the details `model` and `reason`: one short line without the `key`, which some servers repeat in
    their refusals."""
    text = " ".join(_explanation(error).split()).replace(key, "[key]")
    reason = re.sub(r"\bsk-[\w*.-]+", "[key]", text)[:_LONGEST_REASON]
    return Problem(_code(error), model=model, reason=reason)


def is_congestion(error: OpenAIError) -> bool:
    """Whether the server has more to do than it can."""
    return isinstance(error, APITimeoutError) or _code(error) is ErrorCode.ENGINE_RATE_LIMITED


def _code(error: OpenAIError) -> ErrorCode:
    if isinstance(error, APIStatusError):
        return _code_of_status(error.status_code, {error.code, error.type})
    is_unreachable = isinstance(error, APIConnectionError) and not _is_broken_answer(error.__cause__)
    return ErrorCode.ENGINE_UNREACHABLE if is_unreachable else ErrorCode.ENGINE_BAD_ANSWER


def _is_broken_answer(cause: BaseException | None) -> bool:
    """Whether there was an answer, but only half of it, or in an encoding that it is not in."""
    is_cut_off = isinstance(cause, RemoteProtocolError) and "complete message body" in str(cause)
    return is_cut_off or isinstance(cause, DecodingError)


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


def _explanation(error: OpenAIError) -> str:
    match error:
        case APIStatusError():
            message = error.body.get("message") if isinstance(error.body, Mapping) else None
            return f"HTTP {error.status_code}: {message or error.response.reason_phrase}"
        case APITimeoutError():
            return "no answer in time"
        case APIConnectionError():
            return str(error.__cause__ or "") or str(error)
        case _:
            return str(error)
