"""How a sealed object lies: a header, then chunks that each carry a tag.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): a chunk's nonce says which one it is
and whether it is the last, so that chunks that were exchanged, left out or added do not open.
"""

from dataclasses import dataclass

# Of AES-256-GCM.
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
CHUNK_BYTES = 64 << 10
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES


def sealed_bytes(size: int) -> int:
    """What the chunks take up that hold so many bytes. An empty object has one empty chunk: of everything
    there is a last chunk, or cutting it off would not show."""
    return size + TAG_BYTES * max(1, -(-size // CHUNK_BYTES))


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring chunks, from the number `first` up to and without `end`; `ends` with the object's last. In
    bytes they lie from `start` to `stop`, and hold what is `plain_start` to `plain_stop` once opened."""

    first: int
    end: int
    ends: bool
    start: int
    stop: int
    plain_start: int
    plain_stop: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Of an object of `size` bytes behind a header of `header` bytes."""

    size: int
    header: int

    @classmethod
    def of_stored(cls, stored: int, header: int) -> "Layout | None":
        """What lies in so many bytes; None if no object could."""
        body = stored - header
        size = body - TAG_BYTES * -(-body // SEALED_CHUNK_BYTES)
        layout = cls(size, header)
        return layout if size >= 0 and layout.stored == stored else None

    @property
    def chunks(self) -> int:
        return max(1, -(-self.size // CHUNK_BYTES))

    @property
    def stored(self) -> int:
        """In bytes, with the header."""
        return self.header + sealed_bytes(self.size)

    def run(self, first: int, end: int) -> Run:
        """Of the chunks from `first` up to and without `end`, as far as there are any."""
        end = min(end, self.chunks)
        return Run(
            first,
            end,
            end == self.chunks,
            self.header + first * SEALED_CHUNK_BYTES,
            min(self.header + end * SEALED_CHUNK_BYTES, self.stored),
            first * CHUNK_BYTES,
            min(end * CHUNK_BYTES, self.size),
        )

    def last(self) -> Run:
        return self.run(self.chunks - 1, self.chunks)

    def runs(self, start: int, end: int, at_once: int) -> list[Run]:
        """That hold the bytes from `start` up to and without `end`; so many chunks each, at the most."""
        if start >= end:
            return []
        first, behind = start // CHUNK_BYTES, -(-min(end, self.size) // CHUNK_BYTES)
        return [self.run(chunk, min(chunk + at_once, behind)) for chunk in range(first, behind, at_once)]

    def all_runs(self, at_once: int) -> list[Run]:
        """Every chunk, the one of an empty object too."""
        return [self.run(chunk, chunk + at_once) for chunk in range(0, self.chunks, at_once)]
