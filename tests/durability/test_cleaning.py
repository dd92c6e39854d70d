"""What a start clears away, and what it must not touch."""

import os
import stat
import time
from pathlib import Path

import pytest

from app.storage.cleaner import ORPHANED_AFTER, StorageCleaner
from app.storage.manager import StorageManager
from tests.durability.processes import files


@pytest.fixture
def storage(tmp_path: Path) -> StorageManager:
    return StorageManager(tmp_path, "test")


async def clean(root: Path, *known: str) -> list[str]:
    """What is left after a start of the same process."""
    await StorageCleaner(StorageManager(root, "test")).clean(known)
    return [str(path) for path in files(root / "objects")]


async def test_what_a_process_had_not_finished_goes_at_its_next_start(
    tmp_path: Path, storage: StorageManager
) -> None:
    storage.mark("videos/vid_1/")
    await storage.put_bytes("videos/vid_1/upload", b"whole, but without a row")
    (tmp_path / "objects/videos/vid_1/preview.mp4#1").write_bytes(b"half")
    assert await clean(tmp_path) == []
    assert not files(tmp_path / "scratch")


async def test_files_at_work_are_private_and_do_not_outlast_a_start(tmp_path: Path) -> None:
    (tmp_path / "scratch" / "test").mkdir(parents=True, mode=0o755)
    storage = StorageManager(tmp_path, "test")
    async with storage.scratch_folder() as folder:
        (folder / "readable").write_bytes(b"what FFmpeg works on")
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "scratch", folder)]
        assert modes == [0o700, 0o700]
        await clean(tmp_path)
        assert not files(tmp_path / "scratch")
    assert not folder.exists()


async def test_what_has_a_row_stays_even_if_it_was_marked(tmp_path: Path, storage: StorageManager) -> None:
    storage.mark("videos/vid_1/")
    await storage.put_bytes("videos/vid_1/upload", b"registered just before the crash")
    assert await clean(tmp_path, "vid_1") == ["videos/vid_1/upload"]
    assert not files(tmp_path / "scratch")


async def test_what_another_process_may_be_receiving_stays_for_an_hour(
    tmp_path: Path, storage: StorageManager
) -> None:
    await storage.put_bytes("videos/vid_1/upload", b"its row comes in a moment")
    assert await clean(tmp_path) == ["videos/vid_1/upload"]
    long_ago = time.time() - ORPHANED_AFTER.total_seconds() - 60
    for path in ("videos/vid_1/upload", "videos/vid_1"):
        os.utime(tmp_path / "objects" / path, (long_ago, long_ago))
    assert await clean(tmp_path) == []


async def test_a_block_that_ends_well_keeps_its_objects_and_one_that_fails_does_not(
    tmp_path: Path, storage: StorageManager
) -> None:
    async with storage.provisional("videos/vid_1/"):
        await storage.put_bytes("videos/vid_1/upload", b"kept")
    with pytest.raises(ValueError, match="half-way"):
        async with storage.provisional("videos/vid_2/"), storage.writer("videos/vid_2/upload") as writer:
            await writer.write(bytes(12 << 20))
            raise ValueError("half-way")
    assert [str(path) for path in files(tmp_path / "objects")] == ["videos/vid_1/upload"]
    assert storage.abandoned() == {"test": frozenset()}


async def test_what_is_half_written_is_not_listed(tmp_path: Path, storage: StorageManager) -> None:
    async with storage.writer("videos/vid_1/upload") as writer:
        await writer.write(bytes(12 << 20))
        assert files(tmp_path / "objects")
        assert await storage.keys("videos/") == []
    assert await storage.keys("videos/") == ["videos/vid_1/upload"]
