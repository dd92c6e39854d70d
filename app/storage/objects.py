"""How objects rest in a store: as they are, or sealed."""

import io
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from typing_extensions import Buffer

from app.storage.backends import Backend, ObjectWriter
from app.storage.trouble import storage_told


class Objects(Protocol):
    """What asks for an object that is not there raises `FileNotFoundError`; one that is not what was written
    raises `Problem(CONTENT_DAMAGED)`."""

    def size(self, key: str, stored: int) -> int:
        """In bytes, of the object that takes up so many in the store."""
        ...

    def writer(self, key: str) -> AbstractAsyncContextManager[ObjectWriter]:
        """Stream an object in; it appears when the block ends, and not at all if it fails."""
        ...

    async def put(self, key: str, content: Path | bytes) -> None:
        """An object that appears whole; a file is not to be changed any more."""
        ...

    async def whole(self, key: str) -> bytes: ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to and without `end`."""
        ...

    def open(self, key: str) -> io.RawIOBase:
        """Seekable, for blocking readers in a thread."""
        ...

    async def fetch(self, key: str, path: Path) -> None:
        """The object as the new file `path`."""
        ...


class PlainObjects:
    """As they are: files that are given or fetched are links where the store is a folder."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def size(self, key: str, stored: int) -> int:
        return stored

    def writer(self, key: str) -> AbstractAsyncContextManager[ObjectWriter]:
        return self._backend.writer(key)

    async def put(self, key: str, content: Path | bytes) -> None:
        await self._backend.put(key, content)

    async def whole(self, key: str) -> bytes:
        return bytes(await self._backend.whole(key))

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        return self._backend.stream(key, start, end)

    def open(self, key: str) -> io.RawIOBase:
        return _PlainFile(self._backend, key)

    async def fetch(self, key: str, path: Path) -> None:
        await self._backend.fetch(key, path)


class _PlainFile(io.RawIOBase):
    """An object as Python's own kind of file, which media libraries expect."""

    def __init__(self, backend: Backend, key: str) -> None:
        with storage_told():
            self._reader = backend.reader(key)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        with storage_told():
            data = self._reader.read(len(view))
        view[: len(data)] = memoryview(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        return self._reader.tell()

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
        super().close()
