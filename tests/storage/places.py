"""Where objects can rest, and the keys that they are sealed with."""

from dataclasses import dataclass, field
from pathlib import Path

from app.storage.backends import OBJECTS, Backend, backend
from app.storage.encryption.key_store import KeyStore
from app.storage.encryption.keyring import Keyring
from app.storage.encryption.object_keys import ObjectKeys
from app.storage.encryption.root_keys import KeyWrapper, RootKey
from app.storage.manager import StorageManager


@dataclass(frozen=True)
class FixedRoots:
    """The root key of a test, and maybe the one before it."""

    root: KeyWrapper = field(default_factory=lambda: RootKey(bytes(32)))
    old: KeyWrapper | None = None

    def current(self) -> KeyWrapper:
        return self.root

    def former(self) -> KeyWrapper | None:
        return self.old

    def make(self) -> KeyWrapper:
        return self.root


@dataclass(frozen=True)
class Place:
    """A store that the test may look into; `url` is None where it is a folder under `root`."""

    root: Path
    url: str | None

    @property
    def backend(self) -> Backend:
        """What really rests there."""
        return backend(self.url, self.root / OBJECTS)

    def plain(self) -> StorageManager:
        return StorageManager(self.root, "test", self.url)

    def keyring(self, roots: FixedRoots | None = None) -> Keyring:
        return Keyring(KeyStore(self.backend), roots or FixedRoots())

    async def sealed(self, roots: FixedRoots | None = None) -> StorageManager:
        keyring = self.keyring(roots)
        await keyring.load()
        return StorageManager(self.root, "test", self.url, ObjectKeys(keyring))
