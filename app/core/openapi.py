"""What every route says about its errors in the OpenAPI document."""

from typing import Any

from app.core.errors import ErrorCode, http_status
from app.core.schemas import ProblemDetails

TITLES = {
    304: "Not changed since the given ETag",
    404: "Unknown id",
    409: "An earlier stage has to run first, or the task is in another state",
    412: "The track has changed since the given ETag",
    413: "Too large",
    415: "Not a video, or a content type that is not accepted",
    416: "Range beyond the file's end",
    422: "The request is not valid; `errors` names the fields",
    502: "The engine refused, failed or could not be reached",
    503: "The engine is not configured; `next` says what to set",
}

Responses = dict[int | str, dict[str, Any]]


def problems(*codes: ErrorCode) -> Responses:
    """The error answers of a route, one per HTTP status, naming the codes that occur."""
    by_status: dict[int, list[ErrorCode]] = {422: [ErrorCode.INVALID_REQUEST]}
    for code in codes:
        by_status.setdefault(http_status(code), []).append(code)
    return {status: _problem(status, found) for status, found in sorted(by_status.items())}


def files(description: str, *media_types: str) -> Responses:
    """A route that sends a file, whole or in ranges."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}
    return {
        200: {"description": description, "content": content},
        206: {"description": "The range that was asked for", "content": content},
        304: {"description": TITLES[304]},
        416: {"description": TITLES[416]},
    }


def _problem(status: int, codes: list[ErrorCode]) -> dict[str, Any]:
    names = ", ".join(f"`{code}`" for code in codes)
    return {
        "model": ProblemDetails,
        "description": f"{TITLES.get(status, 'Error')}. Codes: {names}",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
