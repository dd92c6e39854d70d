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

    async def clean(self, known_videos: Collection[str]) -> int:
        """Empties this process's scratch folder and deletes the objects of videos that have no row, such
        as uploads and deletions cut short by a crash. Returns how many such videos there were."""
        marked = self._storage.marked_prefixes()
        unknown = [name for name in await self._storage.folders("videos/") if name not in known_videos]
        prefixes = [f"videos/{name}/" for name in unknown]
        orphans = [prefix for prefix in prefixes if prefix in marked or await self._is_old(prefix)]
        for prefix in orphans:
            await self._storage.delete_prefix(prefix)
        self._storage.clear_scratch()
        return len(orphans)

    async def _is_old(self, prefix: str) -> bool:
        newest = await self._storage.newest(prefix)
        return newest is not None and datetime.now(UTC) - newest > ORPHANED_AFTER
