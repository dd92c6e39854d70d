"""`python -m app.media.probe_child`: probes one file in a process of its own, which may crash, hang or ask
for all memory without harm to the server.

It opens no file: it asks for bytes on standard output and is given them on standard input. What it finds it
tells as JSON. `app.media.probe_apart` is its other side.
"""

import io
import json
import resource
import struct
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO, cast

from app.core.errors import Problem
from app.media.probe import probe

if TYPE_CHECKING:
    from typing_extensions import Buffer

# What it writes: an offset and how many bytes it wants from there, or RESULT and how many bytes follow.
ORDER = struct.Struct(">qq")
RESULT = -1
# What it is given: how many bytes follow.
GIVEN = struct.Struct(">q")
BLOCK_BYTES = 256 * 1024
MAX_ADDRESS_SPACE = 1536 * 1024**2


class AskedFile(io.RawIOBase):
    """A file of `size` bytes that another process reads."""

    def __init__(self, size: int, orders: BinaryIO, given: BinaryIO) -> None:
        self._size = size
        self._orders = orders
        self._given = given
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: "Buffer", /) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._position)
        if wanted <= 0:
            return 0
        self._orders.write(ORDER.pack(self._position, wanted))
        self._orders.flush()
        (length,) = GIVEN.unpack(self._read(GIVEN.size))
        view[:length] = self._read(length)
        self._position += length
        return int(length)

    def _read(self, size: int) -> bytes:
        data = self._given.read(size)
        if len(data) < size:
            raise SystemExit("nobody gives any more of the file")
        return data


def main() -> None:
    """Probes the file of as many bytes as the first argument says; `argv[2]` is the CPU seconds it has."""
    size, seconds = int(sys.argv[1]), int(sys.argv[2])
    _confine(seconds)
    orders, given = sys.stdout.buffer, sys.stdin.buffer
    file = io.BufferedReader(AskedFile(size, orders, given), BLOCK_BYTES)
    try:
        found: dict[str, object] = {"info": asdict(probe(cast("BinaryIO", file)))}
    except Problem as problem:
        found = {"problem": problem.code.value, "details": problem.details}
    result = json.dumps(found, default=str).encode()
    orders.write(ORDER.pack(RESULT, len(result)) + result)
    orders.flush()


def _confine(seconds: int) -> None:
    limits = {
        resource.RLIMIT_AS: MAX_ADDRESS_SPACE,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    main()
