"""The body of a request, hashed while the application reads it."""

import hashlib

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.types import Message, Receive

# What an application leaves unread of a body, and is still worth reading to know it.
LONGEST_REST = 1 << 20


class HashedBody:
    """Stands in for `receive`. The boundary of a form has no part in the hash: a client that sends the same
    form again draws a new one."""

    def __init__(self, headers: Headers, receive: Receive) -> None:
        self._receive = receive
        self._hash = hashlib.sha256()
        self._boundary = _boundary_of(headers)
        self._tail = b""
        self._part = 0
        self._complete = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers

    @property
    def digest(self) -> str | None:
        """None as long as the end has not been read."""
        return self._hash.hexdigest() if self._complete else None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not self._complete:
            self._take(message.get("body", b""))
            if not message.get("more_body", False):
                self._end_part(self._tail)
                self._complete = True
        return message

    async def read_on(self, limit: int | None = LONGEST_REST) -> str | None:
        """The digest, once the rest has been read; None if that is longer than `limit` bytes or the client
        has gone."""
        rest = 0
        while not self._complete and (limit is None or rest <= limit):
            message = await self.receive()
            if message["type"] != "http.request":
                break
            rest += len(message.get("body", b""))
        return self.digest

    def _take(self, chunk: bytes) -> None:
        if self._boundary is None:
            self._hash.update(chunk)
            self._part += len(chunk)
            return
        *whole, last = (self._tail + chunk).split(self._boundary)
        for piece in whole:
            self._end_part(piece)
        kept = min(len(last), len(self._boundary) - 1)  # which may be the beginning of one
        self._hash.update(last[: len(last) - kept])
        self._part += len(last) - kept
        self._tail = last[len(last) - kept :]

    def _end_part(self, piece: bytes) -> None:
        """Its length stands for the boundary after it."""
        self._hash.update(piece)
        self._hash.update((self._part + len(piece)).to_bytes(8))
        self._part = 0


def _boundary_of(headers: Headers) -> bytes | None:
    media_type, options = parse_options_header(headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    return b"--" + boundary if boundary and media_type.startswith(b"multipart/") else None
