"""Objects over HTTP: ranges, validators, names."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import format_datetime
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from app.core.errors import ErrorCode, Problem
from app.storage.manager import StorageManager, StoredObject

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})$", re.IGNORECASE)
NO_FILENAME = re.compile(r'["/\\]')


@dataclass(frozen=True, slots=True)
class ByteRange:
    """From `start` up to and without `end`."""

    start: int
    end: int


async def object_response(
    request: Request, storage: StorageManager, key: str, media_type: str, download_as: str | None = None
) -> Response:
    """The object, or the range asked for (206), or 304 if the client has it.

    Raises `Problem(FILE_NOT_FOUND)`, or `Problem(CONTENT_DAMAGED)` where that shows at the start; what shows
    later ends the connection before all is sent.
    """
    try:
        found = await storage.head(key)
    except FileNotFoundError as error:
        raise Problem(ErrorCode.FILE_NOT_FOUND) from error
    headers = _headers(found, download_as)
    if client_has(request, found.etag):
        return Response(status_code=304, headers=headers)
    asked = _asked_range(request, found)
    if asked is not None and asked.start >= found.size:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{found.size}"})
    part = asked or ByteRange(0, found.size)
    status = 200 if asked is None else 206
    headers["Content-Length"] = str(part.end - part.start)
    if asked is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{found.size}"
    if request.method == "HEAD":
        return Response(status_code=status, media_type=media_type, headers=headers)
    body = await begun(storage.stream(key, part.start, part.end))
    return StreamingResponse(body, status_code=status, media_type=media_type, headers=headers)


async def begun(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same, once its first part is there: what is wrong with it can still be answered."""
    first = await anext(body, b"")

    async def parts() -> AsyncIterator[bytes]:
        yield first
        async for part in body:
            yield part

    return parts()


def client_has(request: Request, etag: str) -> bool:
    """Whether If-None-Match names what would be sent; then 304 is enough."""
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(","))


def attachment(filename: str) -> str:
    """A Content-Disposition that saves under `filename`, whatever its letters. What cannot be in a header
    or would lead to another folder is left out."""
    name = NO_FILENAME.sub("_", "".join(char for char in filename if char.isprintable()))
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _headers(found: StoredObject, download_as: str | None) -> dict[str, str]:
    headers = {
        "ETag": found.etag,
        "Accept-Ranges": "bytes",
        "Last-Modified": format_datetime(found.modified, usegmt=True),
        "Cache-Control": "private, no-cache",
    }
    if download_as is not None:
        headers["Content-Disposition"] = attachment(download_as)
    return headers


def _asked_range(request: Request, found: StoredObject) -> ByteRange | None:
    """One range; a request for several, or for a stale object, is answered whole, as HTTP allows."""
    match = RANGE.match(request.headers.get("range", "")) if request.method == "GET" else None
    if match is None or request.headers.get("if-range", found.etag) != found.etag:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        return ByteRange(max(0, found.size - int(last)), found.size)
    end = min(int(last) + 1, found.size) if last else found.size
    start = int(first)
    return None if last and start > int(last) else ByteRange(start, end)
