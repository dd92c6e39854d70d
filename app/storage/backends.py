"""Where objects rest: a folder, or a bucket of S3, Google Cloud Storage or Azure; how the two differ."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from app.core.concurrency import all_of
from app.core.errors import InvalidSettings

CHUNK_BYTES = 1 << 20
# S3 takes no smaller parts than 5 MiB, and no more than 10 000 of them.
BUCKET_PART_BYTES = 8 << 20
BUCKET_READ_BYTES = 4 << 20
PARTS_AT_ONCE = 4
# Longer outages are waited for by jobs, and by clients.
PATIENCE = timedelta(seconds=10)


class Backend(Protocol):
    """A store, the size in bytes of the parts that large objects are written in, and how many at once."""

    store: ObjectStore
    part_bytes: int
    parts_at_once: int

    async def check(self) -> None:
        """Fails if it cannot be reached."""
        ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to and without `end`. Raises `FileNotFoundError`."""
        ...

    async def put(self, key: str, content: Path | bytes) -> None:
        """An object that appears whole and outlasts a loss of power; a file is not to be changed any more."""
        ...

    async def settle(self, key: str) -> None:
        """What was streamed in outlasts a loss of power from now on."""
        ...

    async def fetch(self, key: str, path: Path) -> None:
        """The object as the new file `path`. Raises `FileNotFoundError`."""
        ...

    async def delete_prefix(self, prefix: str) -> None:
        """Everything under a prefix that ends in a slash, and what a killed process began to write there."""
        ...

    async def newest(self, prefix: str) -> datetime | None:
        """When something under a prefix that ends in a slash was last written, finished or not; None where
        that cannot be known."""
        ...


class FolderBackend:
    """Objects are files, and unfinished ones are too."""

    part_bytes = 4 << 20
    parts_at_once = 2

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

    async def put(self, key: str, content: Path | bytes) -> None:
        """A file by a link, which costs the same for any size."""
        await asyncio.to_thread(_keep, self._folder, key, content)

    async def settle(self, key: str) -> None:
        await asyncio.to_thread(_settle, self._folder, key)

    async def fetch(self, key: str, path: Path) -> None:
        """By a link: objects never change."""
        await asyncio.to_thread(_link_or_copy, self._folder / key, path)

    async def delete_prefix(self, prefix: str) -> None:
        # A listing would not show the files that an object is gathered in before it is whole.
        await asyncio.to_thread(shutil.rmtree, self._folder / prefix, ignore_errors=True)

    async def newest(self, prefix: str) -> datetime | None:
        return await asyncio.to_thread(max, _modified(self._folder / prefix), default=None)


class BucketBackend:
    """Objects that every machine reaches. Credentials and endpoint come from the environment, by the names
    of the provider's own tools (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL` …)."""

    part_bytes = BUCKET_PART_BYTES
    parts_at_once = PARTS_AT_ONCE

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
        if start >= end:
            return
        following = asyncio.create_task(self._read(key, start, min(start + BUCKET_READ_BYTES, end)))
        try:
            for offset in range(start + BUCKET_READ_BYTES, end + BUCKET_READ_BYTES, BUCKET_READ_BYTES):
                data = await following
                if offset < end:
                    following = asyncio.create_task(
                        self._read(key, offset, min(offset + BUCKET_READ_BYTES, end))
                    )
                yield data
        finally:
            following.cancel()

    async def put(self, key: str, content: Path | bytes) -> None:
        await obstore.put_async(
            self.store, key, content, chunk_size=self.part_bytes, max_concurrency=self.parts_at_once
        )

    async def settle(self, key: str) -> None:
        """A bucket only answers when it is."""

    async def fetch(self, key: str, path: Path) -> None:
        size = (await obstore.head_async(self.store, key))["size"]
        turns = asyncio.Semaphore(self.parts_at_once)
        with path.open("wb") as file:

            async def copy(start: int) -> None:
                async with turns:
                    data = await self._read(key, start, min(start + self.part_bytes, size))
                    await asyncio.to_thread(os.pwrite, file.fileno(), data, start)

            await all_of(copy(start) for start in range(0, size, self.part_bytes))

    async def delete_prefix(self, prefix: str) -> None:
        """What a killed process began to upload was never visible; the bucket's lifecycle removes it."""
        async for batch in obstore.list(self.store, prefix=prefix):
            await obstore.delete_async(self.store, [meta["path"] for meta in batch])

    async def newest(self, prefix: str) -> datetime | None:
        """An upload in progress does not show, and other databases may own what does."""
        return None

    async def _read(self, key: str, start: int, end: int) -> bytes:
        return bytes(await obstore.get_range_async(self.store, key, start=start, end=end))


def backend(url: str | None, folder: Path) -> Backend:
    """For STORAGE_URL, or the `folder` where it is unset. Raises `InvalidSettings`."""
    return FolderBackend(folder) if url is None else BucketBackend(url)


def _keep(root: Path, key: str, content: Path | bytes) -> None:
    """On the disk before it has its name: after a loss of power it is there whole or not at all."""
    target = root / key
    target.parent.mkdir(parents=True, exist_ok=True)
    # The name that the store gives to what is not whole yet, and lists nowhere.
    staged = target.with_name(f"{target.name}#{secrets.randbelow(10**12)}")
    try:
        if isinstance(content, bytes):
            staged.write_bytes(content)
        else:
            _link_or_copy(content, staged)
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


def _modified(folder: Path) -> Iterator[datetime]:
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):
            yield datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _first_line(error: Exception) -> str:
    """The rest of it is the driver's own view."""
    return str(error).strip().partition("\n")[0]
