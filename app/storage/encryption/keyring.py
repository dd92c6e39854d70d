"""Keyring: the data keys, which are wrapped by a root key and seal the keys of objects, and texts."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_bytes
from typing import Protocol

import uuid_utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.errors import InvalidSettings
from app.storage.encryption.key_store import KeyStore, WrappedKey
from app.storage.encryption.layout import KEY_BYTES
from app.storage.encryption.root_keys import KeyWrapper

logger = logging.getLogger(__name__)

ID_BYTES = 16
REMEDY = (
    "set it, ENCRYPTION_KEY_FILE or ENCRYPTION_KMS to the one they were made with, or set "
    "ENCRYPTION_OLD_KEY to that and have `python -m app encryption rotate` replace it"
)


class RootKeys(Protocol):
    """The root key in use, and the one before it while there are keys that only that has wrapped. All may
    block, and raise `InvalidSettings`."""

    def current(self) -> KeyWrapper | None:
        """None while there is none, but one can be made."""
        ...

    def former(self) -> KeyWrapper | None: ...

    def make(self) -> KeyWrapper:
        """The one in use from now on."""
        ...


@dataclass(frozen=True, slots=True)
class Rotation:
    """From `former` root keys to a `new` one, which is the one in use once it has been made to `settle`."""

    new: KeyWrapper
    former: Sequence[KeyWrapper]
    settle: Callable[[], None]


class DataKey:
    """For each purpose another key is derived from it: what is sealed for one opens for no other."""

    def __init__(self, identifier: str, key: bytes) -> None:
        self.id = identifier
        self.raw_id = bytes.fromhex(identifier)
        self._key = key
        self._ciphers: dict[str, AESGCM] = {}

    @classmethod
    def new(cls) -> "DataKey":
        """Ids of data keys sort by age."""
        return cls(uuid_utils.uuid7().hex, token_bytes(KEY_BYTES))

    @classmethod
    def unwrapped(cls, wrapped: WrappedKey, root: KeyWrapper) -> "DataKey":
        """Raises `InvalidSettings`."""
        try:
            key = root.unwrap(wrapped.content, _context(wrapped.id, root))
        except ValueError as error:
            raise InvalidSettings(
                f"ENCRYPTION: the stored key {wrapped.name} is damaged: bring it back from a backup"
            ) from error
        return cls(wrapped.id, key)

    def wrapped(self, root: KeyWrapper) -> WrappedKey:
        return WrappedKey(self.id, root.id, root.wrap(self._key, _context(self.id, root)))

    def cipher(self, purpose: str) -> AESGCM:
        found = self._ciphers.get(purpose)
        if found is None:
            derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(self._key)
            found = self._ciphers[purpose] = AESGCM(derived)
        return found


class Keyring:
    """The data keys of a store. What is new is sealed with the newest of those that were there at `load`;
    keys that others begin later are looked for when something is met that they have sealed."""

    def __init__(self, store: KeyStore, roots: RootKeys) -> None:
        self._store = store
        self._roots = roots
        self._keys: Mapping[bytes, DataKey] = {}
        self._newest: DataKey | None = None

    async def load(self, *, amid_content: bool = False) -> bool:
        """Before anything is sealed or opened. Makes the first key of a new store; says whether it did.

        Raises `InvalidSettings` if the root key is not the one that the keys were wrapped by, or if there are
        objects from before everything was sealed, unless that is what it is to begin with.
        """
        if is_new := not await self._read_all(amid_content=amid_content):
            await self.begin()
        self._newest = self._keys[max(self._keys)]
        return is_new

    async def check(self) -> int:
        """How many data keys there are, all of which can be unwrapped. Raises `InvalidSettings` where `load`
        would; makes none."""
        return await self._read_all(amid_content=False)

    @property
    def newest(self) -> DataKey:
        if self._newest is None:
            raise RuntimeError("the keyring was not loaded")
        return self._newest

    def find(self, raw_id: bytes) -> DataKey | None:
        """None if there is no such key, or none that can be unwrapped. Looks into the store if it is not
        known yet, which may block."""
        if raw_id not in self._keys:
            try:
                self._read(frozenset({raw_id}))
            except InvalidSettings as error:
                logger.error("a key that is needed cannot be used: %s", error)
        return self._keys.get(raw_id)

    def knows(self, raw_id: bytes) -> bool:
        """Whether `find` does not block."""
        return raw_id in self._keys

    async def begin(self) -> DataKey:
        """A new data key. Processes that run use it from their next start on."""
        key = DataKey.new()
        await self._store.add(await asyncio.to_thread(lambda: key.wrapped(self._root())))
        self._keys = {**self._keys, key.raw_id: key}
        self._newest = key
        return key

    async def rotate(self, rotation: Rotation) -> None:
        """Every data key is wrapped by the new root key before the former ones are given up; processes that
        run have theirs at hand. Raises `InvalidSettings` if there is one that none of them has wrapped."""
        while missing := await asyncio.to_thread(self._missing, rotation):  # another may have been begun
            for key in missing:
                await self._store.add(await asyncio.to_thread(key.wrapped, rotation.new))
        await asyncio.to_thread(rotation.settle)
        for keys in _by_id(await asyncio.to_thread(self._store.read)).values():
            await self._forget_former(keys, rotation.new)

    async def _forget_former(self, keys: Sequence[WrappedKey], root: KeyWrapper) -> None:
        """Of one data key. What is left is known to be good."""
        left = [key for key in keys if key.root == root.id]
        for key in left:
            await asyncio.to_thread(DataKey.unwrapped, key, root)
        for key in keys if left else ():
            if key.root != root.id:
                await self._store.remove(key)

    def _root(self) -> KeyWrapper:
        current = self._roots.current()
        return self._roots.make() if current is None else current

    async def _read_all(self, *, amid_content: bool) -> int:
        await asyncio.to_thread(self._read)
        if not (self._keys or amid_content) and await asyncio.to_thread(self._store.has_content):
            raise InvalidSettings(
                "ENCRYPTION: what is stored here is not encrypted yet: run `python -m app encryption "
                "apply` once while nothing else runs, or set ENCRYPTION=off"
            )
        return len(self._keys)

    def _read(self, wanted: frozenset[bytes] | None = None) -> None:
        """All that are there, or those `wanted`."""
        found = _by_id(self._store.read())
        roots = [root for root in (self._roots.current(), self._roots.former()) if root is not None]
        for raw_id in found if wanted is None else wanted & found.keys():
            self._keys = {**self._keys, raw_id: _unwrapped(found[raw_id], roots)}

    def _missing(self, rotation: Rotation) -> list[DataKey]:
        return [
            _unwrapped(keys, rotation.former)
            for keys in _by_id(self._store.read()).values()
            if all(key.root != rotation.new.id for key in keys)
        ]


def _by_id(keys: Sequence[WrappedKey]) -> dict[bytes, list[WrappedKey]]:
    found: dict[bytes, list[WrappedKey]] = {}
    for key in keys:
        found.setdefault(bytes.fromhex(key.id), []).append(key)
    return found


def _unwrapped(keys: Sequence[WrappedKey], roots: Sequence[KeyWrapper]) -> DataKey:
    for root in roots:
        for key in keys:
            if key.root == root.id:
                return DataKey.unwrapped(key, root)
    theirs = ", ".join(sorted({key.root for key in keys}))
    ours = ", ".join(root.id for root in roots) or "there is none"
    raise InvalidSettings(
        f"ENCRYPTION_KEY: the stored keys belong to the root key {theirs}, not to this one ({ours}): {REMEDY}"
    )


def _context(identifier: str, root: KeyWrapper) -> bytes:
    return f"data key {identifier} wrapped by {root.id}".encode()
