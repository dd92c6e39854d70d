"""`python -m app encryption …`: what an operator does about keys."""

import asyncio

from app.core.errors import InvalidSettings, Problem
from app.core.settings import Settings
from app.resources import Resources
from app.storage.encryption.keyring import Keyring
from app.storage.encryption.setup import Encryption
from app.storage.manager import StorageManager

SEALED_PREFIXES = ("videos/", "memo/")


async def rotate(settings: Settings) -> str:
    """Has another root key wrap the data keys, then forgets what the former one has wrapped. Servers may run
    meanwhile; what was interrupted is gone on with. Returns what was done."""
    encryption = Encryption(settings)
    keyring = _keyring_of(encryption)
    rotation = await asyncio.to_thread(encryption.roots.rotation)
    await keyring.rotate(rotation)
    return f"The root key is {rotation.new.id} now."


async def begin_data_key(settings: Settings) -> str:
    """What is written after the next start of a process is sealed with a new data key."""
    keyring = _keyring_of(Encryption(settings))
    await keyring.load()
    key = await keyring.begin()
    return f"From their next start on, processes seal with the data key {key.id}."


async def apply(settings: Settings) -> str:
    """Seals what was stored before there were keys, while nothing else runs. What was interrupted is gone on
    with."""
    resources = Resources(settings)
    try:
        await resources.storage.claim()
        await _keyring_of(resources.encryption).load(amid_content=True)
        objects = await _seal_objects(resources, settings)
        await resources.database.migrate()
        rows = await resources.database.seal()
    finally:
        await resources.close()
    return f"Sealed {objects} objects and {rows} rows."


async def _seal_objects(resources: Resources, settings: Settings) -> int:
    plain = StorageManager(settings.data_dir.absolute(), settings.worker_name, settings.storage_url)
    sealed = 0
    for prefix in SEALED_PREFIXES:
        for key in await plain.keys(prefix):
            if not await _is_sealed(resources.storage, key):
                async with plain.scratch_folder() as folder:
                    await resources.storage.put_file(key, await plain.fetch(key, folder))
                sealed += 1
    return sealed


async def _is_sealed(storage: StorageManager, key: str) -> bool:
    try:
        async for _ in storage.stream(key, 0, 1):
            break
    except Problem:
        return False
    return True


def _keyring_of(encryption: Encryption) -> Keyring:
    if encryption.keyring is None:
        raise InvalidSettings("ENCRYPTION: is off")
    return encryption.keyring
