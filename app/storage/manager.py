"""StorageManager: objects under keys, local by default, and the private scratch files that FFmpeg needs."""

import asyncio
import errno
import io
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol, cast
from urllib.parse import quote, unquote

import obstore
from obstore.exceptions import GenericError
from obstore.store import LocalStore
from typing_extensions import Buffer

from app.core.errors import ErrorCode, Problem

CHUNK_BYTES = 1 << 20
PART_BYTES = 4 << 20
NO_SPACE_LEFT = f"(os error {errno.ENOSPC})"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`size` in bytes; `etag` in quotes, as HTTP wants it."""

    key: str
    size: int
    etag: str
    modified: datetime


class ObjectWriter(Protocol):
    """An object on its way in."""

    async def write(self, data: bytes, /) -> int: ...


class _ObjectFile(io.RawIOBase):
    """An object as Python's own kind of file, which media libraries expect."""

    def __init__(self, store: LocalStore, key: str) -> None:
        self._reader = obstore.open_reader(store, key, buffer_size=CHUNK_BYTES)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
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


class StorageManager:
    """Objects are written whole under a key never used before, and never changed: what can be read is
    complete. A key never contains a client's file name.

    Processes that share the `root` have different names: scratch files belong to one `process` alone.
    """

    def __init__(self, root: Path, process: str) -> None:
        self.root = root
        self._objects = root / "objects"
        self._scratch = root / "scratch" / process
        self._marks = self._scratch / "marks"
        self._store = LocalStore(prefix=self._objects, automatic_cleanup=True, mkdir=True)
        self._make_scratch()

    @asynccontextmanager
    async def writer(self, key: str) -> AsyncIterator[ObjectWriter]:
        """Stream an object in; it appears when the block ends, and not at all if it fails.

        Raises `Problem(STORAGE_FULL)`, as all that writes objects.
        """
        with _full_disk_told():
            async with obstore.open_writer_async(
                self._store, key, buffer_size=PART_BYTES, max_concurrency=2
            ) as writer:
                yield cast("ObjectWriter", writer)

    @asynccontextmanager
    async def provisional(self, prefix: str) -> AsyncIterator[None]:
        """What the block writes under `prefix` is kept only if it ends well. It is deleted at once if the
        block fails or is cancelled, and is among the `marked_prefixes` if the process dies in it."""
        self.mark(prefix)
        try:
            yield
        except BaseException:
            await self.delete_prefix(prefix)
            raise
        self._mark_of(prefix).unlink()

    def mark(self, prefix: str) -> None:
        """Whatever of it is still there when a process of this name starts again, and is known to nobody,
        is to be deleted."""
        self._mark_of(prefix).touch()

    def marked_prefixes(self) -> frozenset[str]:
        return frozenset(unquote(mark.name) for mark in self._marks.iterdir())

    def _mark_of(self, prefix: str) -> Path:
        return self._marks / quote(prefix, safe="")

    async def put_file(self, key: str, path: Path) -> StoredObject:
        with _full_disk_told():
            await obstore.put_async(self._store, key, path, chunk_size=PART_BYTES, max_concurrency=2)
        return await self.head(key)

    async def put_bytes(self, key: str, data: bytes) -> StoredObject:
        with _full_disk_told():
            await obstore.put_async(self._store, key, data)
        return await self.head(key)

    async def head(self, key: str) -> StoredObject:
        """Raises `FileNotFoundError`."""
        meta = await obstore.head_async(self._store, key)
        return StoredObject(key, meta["size"], meta["e_tag"] or f'"{meta["size"]}"', meta["last_modified"])

    async def exists(self, key: str) -> bool:
        try:
            await self.head(key)
        except FileNotFoundError:
            return False
        return True

    async def read_bytes(self, key: str) -> bytes:
        """A small object, whole. Raises `FileNotFoundError`."""
        return bytes(await (await obstore.get_async(self._store, key)).bytes_async())

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to and without `end`, about a MiB at a time."""
        if start >= end:
            return
        answer = await obstore.get_async(self._store, key, options={"range": (start, end)})
        async for chunk in answer.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """The object as a seekable file, for blocking readers in a thread."""
        with io.BufferedReader(_ObjectFile(self._store, key)) as file:
            yield cast("BinaryIO", file)

    async def fetch(self, key: str, folder: Path) -> Path:
        """A private copy in `folder`, for FFmpeg to read. Raises `FileNotFoundError`."""
        path = folder / key.rsplit("/", 1)[-1]
        path.unlink(missing_ok=True)  # it may be a link to the object itself, from before
        with suppress(OSError):  # where there are no links, or no local objects, it is copied
            path.hardlink_to(self._objects / key)
            return path
        with path.open("wb") as file:
            async for chunk in self.stream(key, 0, (await self.head(key)).size):
                file.write(chunk)
        return path

    async def delete(self, key: str) -> None:
        """Deleting what is not there is no error."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return

    async def delete_prefix(self, prefix: str) -> None:
        """Everything under a prefix that ends in a slash, and what a killed process began to write there."""
        for key in await self.keys(prefix):
            await self.delete(key)
        # A listing does not show the files that an object is gathered in before it is whole.
        await asyncio.to_thread(shutil.rmtree, self._objects / prefix, ignore_errors=True)
        self._mark_of(prefix).unlink(missing_ok=True)

    async def keys(self, prefix: str) -> list[str]:
        return [meta["path"] async for batch in obstore.list(self._store, prefix=prefix) for meta in batch]

    async def newest(self, prefix: str) -> datetime | None:
        """When something under a prefix that ends in a slash was last written, finished or not."""
        batches = obstore.list(self._store, prefix=prefix)
        finished = [meta["last_modified"] async for batch in batches for meta in batch]
        return max([*finished, *_modified(self._objects / prefix)], default=None)

    async def folders(self, prefix: str) -> list[str]:
        """The names one level below a prefix that ends in a slash."""
        listing = await obstore.list_with_delimiter_async(self._store, prefix=prefix)
        return [name.rstrip("/").rsplit("/", 1)[-1] for name in listing["common_prefixes"]]

    @contextmanager
    def scratch_folder(self) -> Iterator[Path]:
        """A private folder for the files of one piece of work, removed with all its contents."""
        with tempfile.TemporaryDirectory(dir=self._scratch, ignore_cleanup_errors=True) as folder:
            yield Path(folder).absolute()

    def clear_scratch(self) -> None:
        """What a killed process of this name left behind."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._make_scratch()

    def _make_scratch(self) -> None:
        for folder in (self._scratch, self._marks):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)


@contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except GenericError as error:
        if NO_SPACE_LEFT in str(error):
            raise Problem(ErrorCode.STORAGE_FULL) from error
        raise


def _modified(folder: Path) -> Iterator[datetime]:
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):
            yield datetime.fromtimestamp(path.stat().st_mtime, UTC)
