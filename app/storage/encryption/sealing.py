"""The chunks of one object, sealed and opened with AES-256-GCM."""

from collections.abc import Iterator, Sequence
from io import FileIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from typing_extensions import Buffer

from app.core.errors import ErrorCode, Problem
from app.storage.encryption.layout import (
    CHUNK_BYTES,
    NONCE_BYTES,
    SEALED_CHUNK_BYTES,
    Layout,
    Run,
    sealed_bytes,
)

# Large enough that calls cost little, small enough to stay in a processor's cache.
CHUNKS_AT_ONCE = 4


class ObjectCipher:
    """Of the object `name`, with a key that seals nothing else: its nonces can be counted."""

    def __init__(self, key: bytes, name: str) -> None:
        self.name = name
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes) -> bytearray:
        """All chunks of an object."""
        sealed = bytearray(sealed_bytes(len(plain)))
        self.seal_into(memoryview(plain), memoryview(sealed), 0, ends=True)
        return sealed

    def seal_into(self, plain: memoryview, sealed: memoryview, first: int, *, ends: bool) -> None:
        """The chunks from the number `first` on that hold `plain`, into a buffer of just the size. All but
        the object's last are full; it `ends` with that, or does not."""
        chunks = max(1, -(-len(plain) // CHUNK_BYTES))
        for index in range(chunks):
            chunk = plain[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
            room = sealed[index * SEALED_CHUNK_BYTES : (index + 1) * SEALED_CHUNK_BYTES]
            nonce = _nonce(first + index, last=ends and index == chunks - 1)
            self._cipher.encrypt_into(nonce, chunk, None, room)

    def open(self, sealed: Buffer, run: Run) -> bytearray:
        """What the chunks of the run hold. Raises `Problem(CONTENT_DAMAGED)`."""
        plain = bytearray(run.plain_stop - run.plain_start)
        self.open_into(memoryview(sealed).cast("B"), memoryview(plain), run)
        return plain

    def open_into(self, sealed: memoryview, plain: memoryview, run: Run) -> None:
        """The same into a buffer of just the size."""
        if len(sealed) != run.stop - run.start:
            raise damaged(self.name)
        for index in range(run.end - run.first):
            chunk = sealed[index * SEALED_CHUNK_BYTES : (index + 1) * SEALED_CHUNK_BYTES]
            room = plain[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
            number = run.first + index
            nonce = _nonce(number, last=run.ends and number == run.end - 1)
            try:
                self._cipher.decrypt_into(nonce, chunk, None, room)
            except InvalidTag as error:
                raise damaged(self.name) from error


def sealed_pieces(file: FileIO, size: int, header: bytes, cipher: ObjectCipher) -> Iterator[Buffer]:
    """A file of `size` bytes as a sealed object. A piece is only good until the next is asked for."""
    yield header
    plain = memoryview(bytearray(CHUNKS_AT_ONCE * CHUNK_BYTES))
    sealed = memoryview(bytearray(CHUNKS_AT_ONCE * SEALED_CHUNK_BYTES))
    for run in Layout(size, len(header)).all_runs(CHUNKS_AT_ONCE):
        filled = plain[: run.plain_stop - run.plain_start]
        if not fill(file, filled):
            raise EOFError(f"{file.name} was changed while it was stored")
        room = sealed[: run.stop - run.start]
        cipher.seal_into(filled, room, run.first, ends=run.ends)
        yield room


def opened_pieces(file: FileIO, runs: Sequence[Run], cipher: ObjectCipher) -> Iterator[Buffer]:
    """What neighbouring runs of a sealed object in a file hold, none of more than CHUNKS_AT_ONCE. A piece is
    only good until the next is asked for. Raises `Problem(CONTENT_DAMAGED)`."""
    plain = memoryview(bytearray(CHUNKS_AT_ONCE * CHUNK_BYTES))
    sealed = memoryview(bytearray(CHUNKS_AT_ONCE * SEALED_CHUNK_BYTES))
    file.seek(runs[0].start)
    for run in runs:
        filled = sealed[: run.stop - run.start]
        if not fill(file, filled):
            raise damaged(cipher.name)
        room = plain[: run.plain_stop - run.plain_start]
        cipher.open_into(filled, room, run)
        yield room


def fill(file: FileIO, buffer: memoryview) -> bool:
    """Reads until the buffer is full. False if the file ends before."""
    filled = 0
    while filled < len(buffer):
        count = file.readinto(buffer[filled:])
        if not count:
            return False
        filled += count
    return True


def damaged(name: str) -> Problem:
    """What a stored object or text of that name is, whose seal does not hold."""
    return Problem(ErrorCode.CONTENT_DAMAGED, name=name)


def _nonce(chunk: int, *, last: bool) -> bytes:
    return chunk.to_bytes(NONCE_BYTES - 1, "big") + (b"\x01" if last else b"\x00")
