"""What can go wrong with a server, to be planned with `LoopbackOpenAI.fail`."""

import json
from collections.abc import Callable
from dataclasses import dataclass

Lines = list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP error in the API's own shape."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Disconnection:
    """The connection is reset before the answer or, with `half`, closed in the middle of it."""

    half: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """The right answer, `seconds` late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Body:
    """HTTP 200 with this in place of the answer."""

    content: bytes
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Wording:
    """A chat answer whose text went through `change`."""

    change: Callable[[str], str]
    finish_reason: str = "stop"


Fault = Refusal | Disconnection | Delay | Body | Wording


def rate_limited(retry_after: float = 0.001) -> Refusal:
    """429 that asks to come back after so many seconds."""
    header = ("retry-after-ms", str(retry_after * 1000))
    return Refusal(429, "rate_limit_exceeded", "Rate limit reached for requests.", (header,))


def changed_lines(change: Callable[[Lines], Lines]) -> Wording:
    """A chat answer whose list of lines went through `change`."""
    return Wording(lambda content: json.dumps({"lines": change(json.loads(content)["lines"])}))


def first_line(text: str) -> Wording:
    """A chat answer whose first line says this instead."""
    return changed_lines(lambda lines: [lines[0] | {"text": text}, *lines[1:]])


RATE_LIMITED = rate_limited()
SERVER_ERROR = Refusal(500, "server_error", "The server had an error.", (("retry-after-ms", "1"),))
INSUFFICIENT_QUOTA = Refusal(
    429, "insufficient_quota", "You exceeded your current quota.", (("x-should-retry", "false"),)
)
BAD_KEY = Refusal(401, "invalid_api_key", "Incorrect API key provided.")
UNKNOWN_MODEL = Refusal(404, "model_not_found", "The model does not exist or you do not have access to it.")
BAD_REQUEST = Refusal(400, "invalid_value", "Invalid value in the request.")
CONNECTION_RESET = Disconnection()
HALF_BODY = Disconnection(half=True)
NOT_JSON = Body(b'{"text": "cut off')
WRONG_SHAPE = Body(b'{"ok": true}')
HTML_PAGE = Body(b"<html>Welcome to nginx</html>", "text/html")

MISSING_LINE = changed_lines(lambda lines: lines[:1] + lines[2:])
DOUBLED_LINE = changed_lines(lambda lines: [*lines[:1], *lines])
EXTRA_LINE = changed_lines(lambda lines: [*lines, {"id": 987654, "text": "made up"}])
EMPTY_LINE = changed_lines(lambda lines: [lines[0] | {"text": " "}, *lines[1:]])
SHUFFLED_LINES = changed_lines(lambda lines: lines[::-1])
FENCED = Wording(lambda content: f"Here you are:\n```json\n{content}\n```\n")
PROSE = Wording(lambda _: "I am sorry, I can only talk about the weather {today}.")
TRAILING_COMMAS = Wording(lambda content: content.replace("}", ",}").replace("]", ",]"))
NO_SHORTER = changed_lines(lambda lines: [{"id": str(line["id"]), "text": line["text"]} for line in lines])
TRUNCATED = Wording(lambda content: content[: len(content) * 2 // 3], finish_reason="length")
