"""VideoMetadata: what a stored file is, read once when it arrives."""

import asyncio
from dataclasses import dataclass

from app.media.formats import format_name
from app.media.probe import MediaInfo, info_to_json
from app.media.probe_apart import probe_apart
from app.storage.manager import StorageManager


@dataclass(frozen=True, slots=True)
class VideoMetadata:
    """The facts of a video that its row shows; `duration` in seconds, `file_size` in bytes."""

    duration: float
    resolution: str
    format: str
    file_size: int
    media: dict[str, object]


async def read_metadata(storage: StorageManager, key: str) -> VideoMetadata:
    """Raises `Problem(NOT_A_VIDEO)` or `Problem(VIDEO_UNREADABLE)`."""
    size = (await storage.head(key)).size
    info = await asyncio.to_thread(_probe, storage, key, size)
    return metadata_of(info, size)


def metadata_of(info: MediaInfo, file_size: int) -> VideoMetadata:
    return VideoMetadata(
        duration=round(info.duration, 3),
        resolution=f"{info.video.width}x{info.video.height}",
        format=format_name(info.container),
        file_size=file_size,
        media=info_to_json(info),
    )


def _probe(storage: StorageManager, key: str, size: int) -> MediaInfo:
    with storage.open(key) as file:
        return probe_apart(file, size)
