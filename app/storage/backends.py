"""Where objects rest: a folder, or a bucket of S3, Google Cloud Storage or Azure; how the two differ."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url
from typing_extensions import Buffer

from app.core.concurrency import all_of, one_ahead
from app.core.errors import InvalidSettings

if TYPE_CHECKING:
    from obstore import ObjectMeta

# The folder of the objects, where they do not rest in a bucket.
OBJECTS = "objects"
CHUNK_BYTES = 1 << 20
# S3 takes no smaller parts than 5 MiB, and no more than 10 000 of them.
BUCKET_PART_BYTES = 8 << 20
BUCKET_READ_BYTES = 4 << 20
PARTS_AT_ONCE = 4
# Longer outages are waited for by jobs, and by clients.
PATIENCE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """What rests under a key: `size` in bytes, as they are stored; `etag` in quotes, as HTTP wants it."""

    size: int
    etag: str
    modified: datetime


class ObjectWriter(Protocol):
    """An object on its way in."""

    async def write(self, data: Buffer, /) -> int: ...


class ObjectReader(Protocol):
    """An object that a thread reads and moves about in; `read` may block."""

    def read(self, size: int | None = None, /) -> "obstore.Bytes": ...
    def seek(self, offset: int, whence: int = ..., /) -> int: ...
    def tell(self) -> int: ...
    def close(self) -> None: ...


class Backend(Protocol):
    """A store, the size in bytes of the parts that large objects are written in, how many at once, and of
    the parts that they are best streamed in.

    What asks for an object that is not there raises `FileNotFoundError`.
    """

    store: ObjectStore
    part_bytes: int
    parts_at_once: int
    read_bytes: int

    async def check(self) -> None:
        """Fails if it cannot be reached."""
        ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to and without `end`."""
        ...

    async def put(self, key: str, content: Path | bytes | Iterable[Buffer]) -> None:
        """An object that appears whole and outlasts a loss of power; a file is not to be changed any more.
        Pieces are asked for in a thread, each when the one before is no longer needed."""
        ...

    async def fetch(self, key: str, path: Path) -> None:
        """The object as the new file `path`."""
        ...

    def file(self, key: str) -> Path | None:
        """The file that the object is, there or not; None where objects are none."""
        ...

    async def delete_prefix(self, prefix: str) -> None:
        """Everything under a prefix that ends in a slash, and what a killed process began to write there."""
        ...

    async def newest(self, prefix: str) -> datetime | None:
        """When something under a prefix that ends in a slash was last written, finished or not; None where
        that cannot be known."""
        ...

    async def head(self, key: str) -> StoredBytes: ...

    async def whole(self, key: str) -> Buffer:
        """All its bytes at once."""
        ...

    async def part(self, key: str, start: int, end: int) -> Buffer:
        """The bytes from `start` up to and without `end`, which are in it."""
        ...

    def part_now(self, key: str, start: int, end: int) -> Buffer:
        """The same, for a thread that waits."""
        ...

    def head_now(self, key: str) -> StoredBytes: ...

    def whole_now(self, key: str) -> bytes: ...

    def keys_now(self, prefix: str) -> list[str]: ...

    def folders_now(self) -> list[str]:
        """The names of the first level, for a thread that waits."""
        ...

    async def delete(self, key: str) -> None: ...

    def reader(self, key: str) -> ObjectReader: ...

    def writer(self, key: str) -> AbstractAsyncContextManager[ObjectWriter]:
        """Stream an object in; it appears when the block ends, and not at all if it fails."""
        ...


class _StoreBackend:
    """What is the same wherever objects rest."""

    store: ObjectStore
    part_bytes: int
    parts_at_once: int

    async def head(self, key: str) -> StoredBytes:
        return _stored_bytes(await obstore.head_async(self.store, key))

    async def whole(self, key: str) -> Buffer:
        return await (await obstore.get_async(self.store, key)).bytes_async()

    async def part(self, key: str, start: int, end: int) -> Buffer:
        return await obstore.get_range_async(self.store, key, start=start, end=end)

    def part_now(self, key: str, start: int, end: int) -> Buffer:
        return obstore.get_range(self.store, key, start=start, end=end)

    def head_now(self, key: str) -> StoredBytes:
        return _stored_bytes(obstore.head(self.store, key))

    def whole_now(self, key: str) -> bytes:
        return bytes(obstore.get(self.store, key).bytes())

    def keys_now(self, prefix: str) -> list[str]:
        return [meta["path"] for batch in obstore.list(self.store, prefix=prefix) for meta in batch]

    def folders_now(self) -> list[str]:
        listing = obstore.list_with_delimiter(self.store)
        return [name.rstrip("/").rsplit("/", 1)[-1] for name in listing["common_prefixes"]]

    async def delete(self, key: str) -> None:
        await obstore.delete_async(self.store, key)

    def reader(self, key: str) -> ObjectReader:
        return obstore.open_reader(self.store, key, buffer_size=CHUNK_BYTES)

    @asynccontextmanager
    async def writer(self, key: str) -> AsyncIterator[ObjectWriter]:
        async with obstore.open_writer_async(
            self.store, key, buffer_size=self.part_bytes, max_concurrency=self.parts_at_once
        ) as writer:
            yield cast("ObjectWriter", writer)
        await self.settle(key)

    async def settle(self, key: str) -> None:
        """What was streamed in outlasts a loss of power from now on."""
        raise NotImplementedError


class FolderBackend(_StoreBackend):
    """Objects are files, and unfinished ones are too."""

    part_bytes = 4 << 20
    parts_at_once = 2
    read_bytes = CHUNK_BYTES

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.store: ObjectStore = LocalStore(prefix=folder, automatic_cleanup=True, mkdir=True)

    async def check(self) -> None:
        """It was made when this was built."""

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        if start >= end:
            return
        answer = await obstore.get_async(self.store, key, options={"range": (start, end)})
        async for chunk in answer.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)

    async def put(self, key: str, content: Path | bytes | Iterable[Buffer]) -> None:
        """A file by a link, which costs the same for any size."""
        await asyncio.to_thread(_keep, self._folder, key, content)

    async def settle(self, key: str) -> None:
        await asyncio.to_thread(_settle, self._folder, key)

    async def fetch(self, key: str, path: Path) -> None:
        """By a link: objects never change."""
        await asyncio.to_thread(_link_or_copy, self._folder / key, path)

    def file(self, key: str) -> Path:
        return self._folder / key

    async def delete_prefix(self, prefix: str) -> None:
        # A listing would not show the files that an object is gathered in before it is whole.
        await asyncio.to_thread(shutil.rmtree, self._folder / prefix, ignore_errors=True)

    async def newest(self, prefix: str) -> datetime | None:
        return await asyncio.to_thread(max, _modified(self._folder / prefix), default=None)


class BucketBackend(_StoreBackend):
    """Objects that every machine reaches. Credentials and endpoint come from the environment, by the names
    of the provider's own tools (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL` …)."""

    part_bytes = BUCKET_PART_BYTES
    parts_at_once = PARTS_AT_ONCE
    read_bytes = BUCKET_READ_BYTES

    def __init__(self, url: str) -> None:
        """Raises `InvalidSettings`."""
        try:
            self.store: ObjectStore = from_url(url, retry_config={"retry_timeout": PATIENCE})
        except (BaseError, ValueError) as error:
            raise InvalidSettings(f"STORAGE_URL: {_first_line(error)}") from error

    async def check(self) -> None:
        await obstore.list_with_delimiter_async(self.store)

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """In ranges, each asked for while the one before is sent: no client is too slow for that."""
        starts = range(start, end, self.read_bytes)
        ahead = one_ahead(lambda at: self._read(key, at, min(at + self.read_bytes, end)), starts)
        async with aclosing(ahead) as parts:
            async for data in parts:
                yield data

    async def put(self, key: str, content: Path | bytes | Iterable[Buffer]) -> None:
        # It sends a piece while it asks for the next.
        kept = content if isinstance(content, Path | bytes) else map(bytes, content)
        await obstore.put_async(
            self.store, key, kept, chunk_size=self.part_bytes, max_concurrency=self.parts_at_once
        )

    async def settle(self, key: str) -> None:
        """A bucket only answers when it is."""

    def file(self, key: str) -> None:
        return None

    async def fetch(self, key: str, path: Path) -> None:
        size = (await self.head(key)).size
        turns = asyncio.Semaphore(self.parts_at_once)
        with path.open("wb") as file:

            async def copy(start: int) -> None:
                async with turns:
                    data = await self.part(key, start, min(start + self.part_bytes, size))
                    await asyncio.to_thread(write_at, file.fileno(), data, start)

            await all_of(copy(start) for start in range(0, size, self.part_bytes))

    async def delete_prefix(self, prefix: str) -> None:
        """What a killed process began to upload was never visible; the bucket's lifecycle removes it."""
        async for batch in obstore.list(self.store, prefix=prefix):
            await obstore.delete_async(self.store, [meta["path"] for meta in batch])

    async def newest(self, prefix: str) -> datetime | None:
        """An upload in progress does not show, and other databases may own what does."""
        return None

    async def _read(self, key: str, start: int, end: int) -> bytes:
        return bytes(await self.part(key, start, end))


def write_at(descriptor: int, data: Buffer, offset: int) -> int:
    """All of it into an open file, from that byte on. Returns where it ends."""
    rest = memoryview(data).cast("B")
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
    return offset


def backend(url: str | None, folder: Path) -> Backend:
    """For STORAGE_URL, or the `folder` where it is unset. Raises `InvalidSettings`."""
    return FolderBackend(folder) if url is None else BucketBackend(url)


def _keep(root: Path, key: str, content: Path | bytes | Iterable[Buffer]) -> None:
    """On the disk before it has its name: after a loss of power it is there whole or not at all."""
    target = root / key
    target.parent.mkdir(parents=True, exist_ok=True)
    # The name that the store gives to what is not whole yet, and lists nowhere.
    staged = target.with_name(f"{target.name}#{secrets.randbelow(10**12)}")
    try:
        if isinstance(content, Path):
            _link_or_copy(content, staged)
        else:
            with staged.open("wb") as file:
                for piece in (content,) if isinstance(content, bytes) else content:
                    file.write(piece)
        _flush(staged)
        staged.replace(target)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    _flush_folders(root, target)


def _settle(root: Path, key: str) -> None:
    _flush(root / key)
    _flush_folders(root, root / key)


def _flush_folders(root: Path, target: Path) -> None:
    """All that lead to it: any of them may be new."""
    for folder in target.parents:
        with suppress(FileNotFoundError):  # its video was deleted meanwhile
            _flush(folder)
        if folder == root:
            return


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links, or another one
        shutil.copyfile(source, target)


def _stored_bytes(meta: "ObjectMeta") -> StoredBytes:
    return StoredBytes(meta["size"], meta["e_tag"] or f'"{meta["size"]}"', meta["last_modified"])


def _modified(folder: Path) -> Iterator[datetime]:
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):
            yield datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _first_line(error: Exception) -> str:
    """The rest of it is the driver's own view."""
    return str(error).strip().partition("\n")[0]
