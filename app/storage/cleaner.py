"""StorageCleaner: removes what nothing refers to any more."""

from collections.abc import Collection

from app.storage.manager import StorageManager


class StorageCleaner:
    """Runs at start, before any job does."""

    def __init__(self, storage: StorageManager) -> None:
        self._storage = storage

    async def clean(self, known_videos: Collection[str]) -> int:
        """Empties the scratch folder and deletes the objects of videos that have no row, such as uploads
        cut short by a crash. Returns how many such videos there were."""
        self._storage.clear_scratch()
        orphans = [name for name in await self._storage.folders("videos/") if name not in known_videos]
        for video_id in orphans:
            await self._storage.delete_prefix(f"videos/{video_id}/")
        return len(orphans)
