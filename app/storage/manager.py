"""StorageManager: objects under keys, and the private scratch files that FFmpeg needs."""

import io
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

import obstore

from app.core.errors import InvalidSettings, Problem
from app.storage.backends import OBJECTS, ObjectWriter, backend
from app.storage.encryption.object_keys import ObjectKeys
from app.storage.objects import Objects, PlainObjects
from app.storage.scratch import Scratch
from app.storage.sealed import SealedObjects
from app.storage.trouble import storage_told

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`size` in bytes; `etag` in quotes, as HTTP wants it."""

    key: str
    size: int
    etag: str
    modified: datetime


class StorageManager:
    """Objects are written whole under a key never used before, and never changed: what can be read is
    complete. A key never contains a client's file name.

    Whatever reads or writes them raises `Problem`: STORAGE_FULL, STORAGE_UNREACHABLE or STORAGE_REFUSED, and
    CONTENT_DAMAGED where what is read is not what was written.

    They rest in `root`, or at `url` (STORAGE_URL), sealed if there are `keys`. Processes that share the
    `root` have different names: scratch files belong to one `process` alone.
    """

    def __init__(
        self, root: Path, process: str, url: str | None = None, keys: ObjectKeys | None = None
    ) -> None:
        """Raises `InvalidSettings`."""
        self._backend = backend(url, root / OBJECTS)
        self._store = self._backend.store
        self._objects: Objects = (
            PlainObjects(self._backend) if keys is None else SealedObjects(self._backend, keys)
        )
        self._scratch = Scratch(root / "scratch", process)

    async def claim(self) -> None:
        """Before the first object is written. Raises `InvalidSettings` if another living process has this
        one's name, or if the objects are out of reach."""
        await self._scratch.claim()
        try:
            await self.check()
        except Problem as problem:
            raise InvalidSettings(f"STORAGE_URL: {problem.details['reason']}") from problem

    async def check(self) -> None:
        """Whether the objects can be reached."""
        with storage_told():
            await self._backend.check()

    def close(self) -> None:
        self._scratch.close()

    @asynccontextmanager
    async def writer(self, key: str) -> AsyncIterator[ObjectWriter]:
        """Stream an object in; it appears when the block ends, and not at all if it fails."""
        with storage_told():
            async with self._objects.writer(key) as writer:
                yield writer

    @asynccontextmanager
    async def provisional(self, prefix: str) -> AsyncIterator[None]:
        """What the block writes under `prefix` is kept only if it ends well. It is deleted at once if the
        block fails or is cancelled, and is among the `abandoned` marks if the process dies in it."""
        self.mark(prefix)
        try:
            yield
        except BaseException:
            await self.discard(prefix)
            raise
        self._scratch.unmark(prefix)

    def mark(self, prefix: str) -> None:
        """Whatever of it is still there once this process is no more, and is known to nobody, is to be
        deleted."""
        self._scratch.mark(prefix)

    def abandoned(self) -> Mapping[str, frozenset[str]]:
        """The processes that died in this `root`, and former ones of this name, each with its marks."""
        return self._scratch.abandoned()

    async def put_file(self, key: str, path: Path) -> StoredObject:
        """The file is the object's from now on: it may be read and removed, not changed."""
        with storage_told():
            await self._objects.put(key, path)
        return await self.head(key)

    async def put_bytes(self, key: str, data: bytes) -> StoredObject:
        with storage_told():
            await self._objects.put(key, data)
        return await self.head(key)

    async def head(self, key: str) -> StoredObject:
        """Raises `FileNotFoundError`."""
        with storage_told():
            try:
                stored = await self._backend.head(key)
            except FileNotFoundError:
                await self._backend.check()  # the answer would be the same without a bucket
                raise
        return StoredObject(key, self._objects.size(key, stored.size), stored.etag, stored.modified)

    async def exists(self, key: str) -> bool:
        try:
            await self.head(key)
        except FileNotFoundError:
            return False
        return True

    async def read_bytes(self, key: str) -> bytes:
        """A small object, whole. Raises `FileNotFoundError`."""
        with storage_told():
            return await self._objects.whole(key)

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to and without `end`, some MiB at a time."""
        with storage_told():
            async for data in self._objects.stream(key, start, end):
                yield data

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """The object as a seekable file, for blocking readers in a thread."""
        with io.BufferedReader(self._objects.open(key)) as file:
            yield cast("BinaryIO", file)

    async def fetch(self, key: str, folder: Path) -> Path:
        """A private copy in `folder`, for FFmpeg to read. Raises `FileNotFoundError`."""
        path = folder / key.rsplit("/", 1)[-1]
        path.unlink(missing_ok=True)  # it may be a link to the object itself, from before
        with storage_told():
            await self._objects.fetch(key, path)
        return path

    async def delete(self, key: str) -> None:
        """Deleting what is not there is no error."""
        with storage_told(), suppress(FileNotFoundError):
            await self._backend.delete(key)

    async def delete_prefix(self, prefix: str) -> None:
        """Everything under a prefix that ends in a slash, and what a killed process began to write there."""
        with storage_told():
            await self._backend.delete_prefix(prefix)
        self._scratch.unmark(prefix)

    async def discard(self, prefix: str) -> None:
        """What nobody refers to, under a prefix that ends in a slash. Nothing is to fail over it: what is out
        of reach goes at the next start if it is marked, and else with its video."""
        try:
            await self.delete_prefix(prefix)
        except Problem as problem:
            logger.warning("objects under %s could not be deleted: %s", prefix, problem)

    async def keys(self, prefix: str) -> list[str]:
        with storage_told():
            batches = obstore.list(self._store, prefix=prefix)
            return [meta["path"] async for batch in batches for meta in batch]

    async def sizes(self, prefix: str) -> dict[str, int]:
        """In bytes, of all objects under a prefix that ends in a slash, by their keys."""
        with storage_told():
            batches = obstore.list(self._store, prefix=prefix)
            found = [(meta["path"], meta["size"]) async for batch in batches for meta in batch]
        return {key: self._objects.size(key, stored) for key, stored in found}

    async def newest(self, prefix: str) -> datetime | None:
        """When something under a prefix that ends in a slash was last written, finished or not; None where
        that cannot be known."""
        return await self._backend.newest(prefix)

    async def folders(self, prefix: str) -> list[str]:
        """The names one level below a prefix that ends in a slash."""
        with storage_told():
            listing = await obstore.list_with_delimiter_async(self._store, prefix=prefix)
        return [name.rstrip("/").rsplit("/", 1)[-1] for name in listing["common_prefixes"]]

    def scratch_folder(self) -> AbstractAsyncContextManager[Path]:
        """A private folder for the files of one piece of work, removed with all its contents."""
        return self._scratch.folder()

    def clear_scratch(self, process: str) -> None:
        """What one of the `abandoned` processes left behind."""
        self._scratch.clear(process)
