"""What holds wherever objects rest: in a folder or in a bucket."""

import asyncio
import os
from pathlib import Path

import pytest

from app.core.errors import InvalidSettings
from app.storage.manager import StorageManager
from tests.bucket import Bucket
from tests.storage.places import Place

LARGE = os.urandom(20 << 20)


@pytest.fixture(params=["plain", "sealed"])
async def storage(request: pytest.FixtureRequest, place: Place) -> StorageManager:
    return await place.sealed() if request.param == "sealed" else place.plain()


@pytest.fixture
async def large(storage: StorageManager, tmp_path: Path) -> str:
    """The key of an object of several parts."""
    path = tmp_path / "large"
    path.write_bytes(LARGE)
    stored = await storage.put_file("videos/vid_1/large", path)
    assert stored.size == len(LARGE)
    return stored.key


async def read(storage: StorageManager, key: str, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in storage.stream(key, start, end)])


async def test_what_is_put_can_be_read(storage: StorageManager) -> None:
    stored = await storage.put_bytes("memo/ab/abc", b"answer")
    assert stored == await storage.head("memo/ab/abc")
    assert (stored.size, stored.etag[0], stored.etag[-1]) == (6, '"', '"')
    assert stored.modified.tzinfo is not None
    assert await storage.read_bytes("memo/ab/abc") == b"answer"


async def test_equal_keys_have_equal_etags_and_other_contents_others(storage: StorageManager) -> None:
    first = await storage.put_bytes("a", b"one")
    assert (await storage.head("a")).etag == first.etag
    assert (await storage.put_bytes("a", b"another")).etag != first.etag


async def test_what_is_not_there_is_told(storage: StorageManager, tmp_path: Path) -> None:
    assert not await storage.exists("nothing")
    with pytest.raises(FileNotFoundError):
        await storage.head("nothing")
    with pytest.raises(FileNotFoundError):
        await storage.read_bytes("nothing")
    with pytest.raises(FileNotFoundError):
        await storage.fetch("nothing", tmp_path)
    with pytest.raises(FileNotFoundError):
        await read(storage, "nothing", 0, 1)
    await storage.delete("nothing")
    await storage.delete_prefix("nothing/")


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 0), (0, 1), (5, 5), (7, 4 << 20), (1, (4 << 20) + 1), (0, 8 << 20), (123, len(LARGE))],
)
async def test_ranges(storage: StorageManager, large: str, start: int, end: int) -> None:
    assert await read(storage, large, start, end) == LARGE[start:end]


async def test_a_reader_that_leaves_early_leaves_nothing_running(storage: StorageManager, large: str) -> None:
    before = asyncio.all_tasks()
    stream = storage.stream(large, 0, len(LARGE))
    assert await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    left = asyncio.all_tasks() - before
    assert not left or not (await asyncio.wait(left, timeout=5))[1]


async def test_a_fetched_copy_is_whole_and_may_be_fetched_again(storage: StorageManager, large: str) -> None:
    async with storage.scratch_folder() as folder:
        for _ in range(2):
            path = await storage.fetch(large, folder)
            assert path.read_bytes() == LARGE
        path.unlink()
    assert (await storage.head(large)).size == len(LARGE)


async def test_a_media_library_can_seek_in_it(storage: StorageManager, large: str) -> None:
    def look() -> tuple[bytes, bytes, int]:
        with storage.open(large) as file:
            file.seek(-3, os.SEEK_END)
            end = file.read()
            file.seek(12_345_678)
            return end, file.read(2 << 20), file.tell()

    end, middle, position = await asyncio.to_thread(look)
    assert end == LARGE[-3:]
    assert middle == LARGE[12_345_678:][: 2 << 20]
    assert position == 12_345_678 + (2 << 20)


async def test_what_is_streamed_in_appears_at_its_end(storage: StorageManager) -> None:
    async with storage.writer("videos/vid_1/upload") as writer:
        for start in range(0, len(LARGE), 1 << 20):
            await writer.write(LARGE[start : start + (1 << 20)])
        assert not await storage.exists("videos/vid_1/upload")
        assert await storage.keys("videos/") == []
    assert await storage.read_bytes("videos/vid_1/upload") == LARGE


async def test_what_fails_on_its_way_in_leaves_nothing(
    storage: StorageManager, bucket: Bucket, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="half-way"):
        async with storage.provisional("videos/vid_1/"), storage.writer("videos/vid_1/upload") as writer:
            await writer.write(LARGE)
            raise ValueError("half-way")
    assert await storage.keys("videos/") == []
    assert bucket.unfinished_uploads() == 0


async def test_a_prefix_is_deleted_with_all_under_it_and_no_more(storage: StorageManager) -> None:
    gone = [f"videos/vid_1/{number % 3}/{number}" for number in range(30)]
    await asyncio.gather(*(storage.put_bytes(key, b"x") for key in (*gone, "videos/vid_10/upload")))
    assert sorted(await storage.folders("videos/")) == ["vid_1", "vid_10"]
    await storage.delete_prefix("videos/vid_1/")
    assert await storage.keys("videos/") == ["videos/vid_10/upload"]


@pytest.mark.parametrize("url", ["s3://there-is-none/prefix", "az://"])
async def test_a_store_that_cannot_be_is_told_in_a_line(
    url: str, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings, match=r"^STORAGE_URL: .+$") as caught:
        await StorageManager(tmp_path, "test", url).claim()
    assert "\n" not in str(caught.value)
