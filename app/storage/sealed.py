"""SealedObjects: objects in chunks that nobody can read, change, exchange or cut off unnoticed."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from typing_extensions import Buffer

from app.core.concurrency import all_of, one_ahead
from app.storage.backends import Backend, ObjectWriter, write_at
from app.storage.encryption.layout import CHUNK_BYTES, Layout, Run, sealed_bytes
from app.storage.encryption.object_keys import HEADER_BYTES, ObjectKeys
from app.storage.encryption.sealing import (
    CHUNKS_AT_ONCE,
    ObjectCipher,
    damaged,
    fill,
    opened_pieces,
    sealed_pieces,
)
from app.storage.trouble import storage_told

# What a writer gathers before it seals.
GATHERED_BYTES = 16 * CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class _Opened:
    """An object whose header is what was written; its size is true once its last chunk has been opened."""

    key: str
    layout: Layout
    cipher: ObjectCipher


class SealedObjects:
    """What is sealed or opened takes a thread, but for what fits in a chunk."""

    def __init__(self, backend: Backend, keys: ObjectKeys) -> None:
        self._backend = backend
        self._keys = keys

    def size(self, key: str, stored: int) -> int:
        return _layout(key, stored).size

    @asynccontextmanager
    async def writer(self, key: str) -> AsyncIterator[ObjectWriter]:
        new = self._keys.new(key)
        async with self._backend.writer(key) as below:
            await below.write(new.header)
            writer = _SealingWriter(below, new.cipher)
            yield writer
            await writer.finish()

    async def put(self, key: str, content: Path | bytes) -> None:
        if isinstance(content, Path):
            await self._put_file(key, content)
            return
        new = self._keys.new(key)
        await self._backend.put(key, new.header + await _sealed(new.cipher, content))

    async def whole(self, key: str) -> bytes:
        stored = memoryview(await self._backend.whole(key)).cast("B")
        layout = _layout(key, len(stored))
        cipher = await self._cipher(stored[:HEADER_BYTES], key)
        run = layout.run(0, layout.chunks)
        return bytes(await _opened(cipher, stored[run.start : run.stop], run))

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Nothing is sent before the object's end has been looked at: what was cut off shows in time."""
        opened = await self._open(key)

        async def wanted(run: Run) -> bytes:
            plain = memoryview(await self._part(opened, run))
            return bytes(plain[max(start - run.plain_start, 0) : end - run.plain_start])

        runs = opened.layout.runs(start, end, self._backend.read_bytes // CHUNK_BYTES)
        async with aclosing(one_ahead(wanted, runs)) as parts:
            async for plain in parts:
                yield plain

    def open(self, key: str) -> io.RawIOBase:
        return _SealedFile(self._backend, self._keys, key)

    async def fetch(self, key: str, path: Path) -> None:
        file = self._backend.file(key)
        with _whole_or_nothing(path):
            if file is None:
                await self._fetch_parts(key, path)
            else:
                await self._fetch_file(key, file, path)

    async def _put_file(self, key: str, path: Path) -> None:
        new = self._keys.new(key)
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            await self._backend.put(key, sealed_pieces(file, size, new.header, new.cipher))

    async def _fetch_file(self, key: str, source: Path, path: Path) -> None:
        """Its halves at the same time, each through buffers that stay in the processor's cache."""
        opened = await asyncio.to_thread(self._open_file, key, source)
        await asyncio.to_thread(path.touch, exist_ok=False)
        runs = opened.layout.all_runs(CHUNKS_AT_ONCE)
        half = -(-len(runs) // 2)
        halves = [part for part in (runs[:half], runs[half:]) if part]
        await all_of(asyncio.to_thread(_copy_opened, source, path, part, opened.cipher) for part in halves)

    def _open_file(self, key: str, source: Path) -> _Opened:
        with source.open("rb", buffering=0) as file:
            layout = _layout(key, os.fstat(file.fileno()).st_size)
            header = memoryview(bytearray(HEADER_BYTES))
            fill(file, header)
        return _Opened(key, layout, self._keys.of_header(bytes(header), key))

    async def _fetch_parts(self, key: str, path: Path) -> None:
        opened = await self._open(key)
        turns = asyncio.Semaphore(self._backend.parts_at_once)
        with path.open("xb") as file:

            async def copy(run: Run) -> None:
                async with turns:
                    plain = await self._part(opened, run)
                    await asyncio.to_thread(write_at, file.fileno(), plain, run.plain_start)

            runs = opened.layout.all_runs(self._backend.part_bytes // CHUNK_BYTES)
            await all_of(copy(run) for run in runs)

    async def _open(self, key: str) -> _Opened:
        layout = _layout(key, (await self._backend.head(key)).size)
        last = layout.last()
        header, end = await all_of(
            [
                self._backend.part(key, 0, HEADER_BYTES),
                self._backend.part(key, last.start, last.stop),
            ]
        )
        cipher = await self._cipher(header, key)
        cipher.open(end, last)
        return _Opened(key, layout, cipher)

    async def _part(self, opened: _Opened, run: Run) -> bytearray:
        return await _opened(opened.cipher, await self._backend.part(opened.key, run.start, run.stop), run)

    async def _cipher(self, header: Buffer, key: str) -> ObjectCipher:
        if self._keys.is_at_hand(bytes(header)):
            return self._keys.of_header(bytes(header), key)
        return await asyncio.to_thread(self._keys.of_header, bytes(header), key)


class _SealingWriter:
    """Seals what comes in once it is known that more follows: the last chunk is sealed as such."""

    def __init__(self, below: ObjectWriter, cipher: ObjectCipher) -> None:
        self._below = below
        self._cipher = cipher
        self._plain = memoryview(bytearray(GATHERED_BYTES))
        self._filled = 0
        self._chunks = 0

    async def write(self, data: Buffer, /) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest:
            if self._filled == GATHERED_BYTES:
                await self._pass_on(ends=False)
            taken = rest[: GATHERED_BYTES - self._filled]
            self._plain[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            rest = rest[len(taken) :]
        return size

    async def finish(self) -> None:
        await self._pass_on(ends=True)

    async def _pass_on(self, *, ends: bool) -> None:
        plain = self._plain[: self._filled]
        sealed = bytearray(sealed_bytes(self._filled))  # what is below still holds the one before
        seal = partial(self._cipher.seal_into, plain, memoryview(sealed), self._chunks, ends=ends)
        await asyncio.to_thread(seal) if self._filled > CHUNK_BYTES else seal()
        self._chunks += self._filled // CHUNK_BYTES
        self._filled = 0
        await self._below.write(sealed)


class _SealedFile(io.RawIOBase):
    """A sealed object as Python's own kind of file. Keeps the part that was read last."""

    def __init__(self, backend: Backend, keys: ObjectKeys, key: str) -> None:
        self._backend = backend
        self._key = key
        self._position = 0
        with storage_told():
            self._layout = _layout(key, backend.head_now(key).size)
            self._cipher = keys.of_header(bytes(backend.part_now(key, 0, HEADER_BYTES)), key)
        self._run = self._layout.last()
        self._plain = self._read(self._run)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        if not len(view) or self._position >= self._layout.size:
            return 0
        if not self._run.plain_start <= self._position < self._run.plain_stop:
            chunk = self._position // CHUNK_BYTES
            self._run = self._layout.run(chunk, chunk + GATHERED_BYTES // CHUNK_BYTES)
            self._plain = self._read(self._run)
        start = self._position - self._run.plain_start
        count = min(len(view), len(self._plain) - start)
        view[:count] = memoryview(self._plain)[start : start + count]
        self._position += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._layout.size}[whence]
        if origin + offset < 0:
            raise ValueError("there is nothing before the start")
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def _read(self, run: Run) -> bytearray:
        with storage_told():
            sealed = self._backend.part_now(self._key, run.start, run.stop)
        return self._cipher.open(sealed, run)


def _copy_opened(source: Path, target: Path, runs: Sequence[Run], cipher: ObjectCipher) -> None:
    with source.open("rb", buffering=0) as file, target.open("r+b", buffering=0) as copy:
        at = runs[0].plain_start
        for piece in opened_pieces(file, runs, cipher):
            at = write_at(copy.fileno(), piece, at)


@contextmanager
def _whole_or_nothing(path: Path) -> Iterator[None]:
    """What the block has begun to write goes if it fails."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def _sealed(cipher: ObjectCipher, plain: bytes) -> bytearray:
    return cipher.seal(plain) if len(plain) <= CHUNK_BYTES else await asyncio.to_thread(cipher.seal, plain)


async def _opened(cipher: ObjectCipher, sealed: Buffer, run: Run) -> bytearray:
    if run.end - run.first == 1:
        return cipher.open(sealed, run)
    return await asyncio.to_thread(cipher.open, sealed, run)


def _layout(key: str, stored: int) -> Layout:
    layout = Layout.of_stored(stored, HEADER_BYTES)
    if layout is None:
        raise damaged(key)
    return layout
