"""StorageCleaner: removes what nothing refers to any more."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from app.storage.manager import StorageManager

# Another process may be receiving a video whose row is not written yet.
ORPHANED_AFTER = timedelta(hours=1)


class StorageCleaner:
    """Runs at start, before any job does."""

    def __init__(self, storage: StorageManager) -> None:
        self._storage = storage

    async def clean(self, known_videos: Collection[str]) -> frozenset[str]:
        """Clears the scratch folders of processes that have died, and deletes the objects of videos that
        have no row: those marked by such a process and, where no other database may own them, those left
        for long. Returns the names of the dead."""
        dead = self._storage.abandoned()
        marked = frozenset().union(*dead.values())
        unknown = [name for name in await self._storage.folders("videos/") if name not in known_videos]
        for prefix in (f"videos/{name}/" for name in unknown):
            if prefix in marked or await self._is_old(prefix):
                await self._storage.delete_prefix(prefix)
        for process in dead:
            self._storage.clear_scratch(process)
        return frozenset(dead)

    async def _is_old(self, prefix: str) -> bool:
        newest = await self._storage.newest(prefix)
        return newest is not None and datetime.now(UTC) - newest > ORPHANED_AFTER
