"""When two bodies count as the same request."""

import pytest
from starlette.datastructures import Headers
from starlette.types import Message

from app.idempotency.body import HashedBody

FORM = (
    b'--{b}\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n'
    b'--{b}\r\nContent-Disposition: form-data; name="b"\r\n\r\n--two--\r\n--{b}--\r\n'
)


def form(boundary: str) -> bytes:
    return FORM.replace(b"{b}", boundary.encode())


async def digest_of(content: bytes, piece: int = 1 << 16, boundary: str | None = None) -> str | None:
    """As it arrives in pieces of so many bytes."""
    pieces = [content[start : start + piece] for start in range(0, len(content), piece)]

    async def receive() -> Message:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    media_type = "application/json" if boundary is None else f'multipart/form-data; boundary="{boundary}"'
    headers = Headers({"content-type": media_type, "content-length": str(len(content))})
    body = HashedBody(headers, receive)
    assert body.digest is None
    return await body.read_on()


@pytest.mark.parametrize("piece", [1, 2, 7, 50, 1000])
async def test_the_boundary_and_the_pieces_do_not_count(piece: int) -> None:
    first = await digest_of(form("first"), boundary="first")
    assert first is not None
    assert await digest_of(form("another one"), piece, "another one") == first


async def test_all_else_counts() -> None:
    bodies = [
        form("x12345"),
        form("x12345").replace(b"one", b"two"),
        form("x12345").replace(b"--two--", b"--two"),
        form("x12345").replace(b"--x12345\r\n", b"", 1),
        form("x12345").replace(b"one\r\n--x12345", b"--x12345one\r\n"),
    ]
    assert len({await digest_of(body, boundary="x12345") for body in bodies}) == len(bodies)
    assert await digest_of(bodies[0]) != await digest_of(bodies[0], boundary="x12345")


async def test_a_rest_that_is_too_long_is_not_read() -> None:
    assert await digest_of(bytes(4 << 20)) is None
