"""Encryption at rest as the settings want it."""

import asyncio

from app.core.errors import InvalidSettings, Problem
from app.core.settings import Settings
from app.storage.backends import OBJECTS, backend
from app.storage.encryption.key_store import KeyStore
from app.storage.encryption.keyring import Keyring
from app.storage.encryption.object_keys import ObjectKeys
from app.storage.encryption.roots import ConfiguredRoots
from app.storage.encryption.texts import Texts


class Encryption:
    """Owns the keys; where it is off there are none."""

    def __init__(self, settings: Settings) -> None:
        """Raises `InvalidSettings`."""
        objects = settings.data_dir.absolute() / OBJECTS
        self.store = KeyStore(backend(settings.storage_url, objects))
        self.roots = ConfiguredRoots(settings)
        self.keyring = Keyring(self.store, self.roots) if settings.encryption == "on" else None

    @property
    def object_keys(self) -> ObjectKeys | None:
        return None if self.keyring is None else ObjectKeys(self.keyring)

    @property
    def texts(self) -> Texts | None:
        return None if self.keyring is None else Texts(self.keyring)

    async def start(self) -> bool:
        """Before anything is read or written. Returns whether there were no keys yet, so that what rows say
        is still to be sealed. Raises `InvalidSettings` if what is stored does not fit the settings."""
        try:
            if self.keyring is not None:
                return await self.keyring.load()
            await self._check_unsealed()
            return False
        except Problem as problem:
            raise InvalidSettings(f"STORAGE_URL: {problem.details.get('reason', problem)}") from problem

    async def check(self) -> str:
        """What protects what is stored, for people. Raises `InvalidSettings` or `Problem` where `start`
        could not; changes nothing."""
        if self.keyring is None:
            await self._check_unsealed()
            return "off: whoever has the disk can read what is stored"
        root = await asyncio.to_thread(self.roots.told)
        return f"{root}; data keys that it opens: {await self.keyring.check()}"

    async def _check_unsealed(self) -> None:
        if await self.store.has_keys():
            raise InvalidSettings(
                "ENCRYPTION: what is stored here is encrypted: it cannot be read with 'off'"
            )
