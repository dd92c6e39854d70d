"""FileProcessor: files that are made from others when somebody first asks for them."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path

from app.storage.manager import StorageManager, StoredObject

Make = Callable[[Path], Awaitable[Path]]
Tell = Callable[[StoredObject], Awaitable[None]]


class FileProcessor:
    """Makes each derived object once, however many ask at the same time."""

    def __init__(self, storage: StorageManager) -> None:
        self._storage = storage
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def derived(self, key: str, make: Make, tell: Tell | None = None) -> str:
        """The key, once its object is there. `make` is given a scratch folder and returns the file in it
        that becomes the object; `tell` hears of it then."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            if not await self._storage.exists(key):
                async with self._storage.scratch_folder() as scratch:
                    stored = await self._storage.put_file(key, await make(scratch))
                if tell is not None:
                    await tell(stored)
        return key
