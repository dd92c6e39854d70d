"""Where wrapped data keys rest: beside the objects that they protect, so that whoever has those has them."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.storage.backends import Backend
from app.storage.trouble import storage_told

FOLDER = "keys/"
# What there is in a store whose objects were not sealed.
CONTENT = frozenset({"videos", "memo"})
_NAME = re.compile(r"keys/(?P<id>[0-9a-f]{32})/(?P<root>[\w.-]+)")


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as one root key has wrapped it; both go by their ids."""

    id: str
    root: str
    content: bytes

    @property
    def name(self) -> str:
        return f"{FOLDER}{self.id}/{self.root}"


class KeyStore:
    """Wrapped keys are written once and never changed."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def read(self) -> Sequence[WrappedKey]:
        """All there are; for a thread that waits. A key may be removed meanwhile."""
        with storage_told():
            found = (_NAME.fullmatch(key) for key in self._backend.keys_now(FOLDER))
            return [self._read(match) for match in found if match is not None]

    def has_content(self) -> bool:
        """Whether there are any objects but keys; for a thread that waits."""
        with storage_told():
            return not CONTENT.isdisjoint(self._backend.folders_now())

    async def has_keys(self) -> bool:
        with storage_told():
            return bool(await asyncio.to_thread(self._backend.keys_now, FOLDER))

    async def add(self, key: WrappedKey) -> None:
        with storage_told():
            await self._backend.put(key.name, key.content)

    async def remove(self, key: WrappedKey) -> None:
        with storage_told(), suppress(FileNotFoundError):
            await self._backend.delete(key.name)

    def _read(self, match: re.Match[str]) -> WrappedKey:
        return WrappedKey(match["id"], match["root"], self._backend.whole_now(match[0]))
