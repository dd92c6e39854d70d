"""Reading and writing sealed objects, against the same bytes readable, through the same StorageManager."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

from app.storage.manager import StorageManager
from tests.benchmarks.measuring import MIB, Cost, cheapest
from tests.storage.places import Place

RUNS = 7
BLOCK_BYTES = 1 << 20
SMALL_BYTES = 50_000
HEADINGS = ("work", "readable", "sealed", "speed", "readable CPU", "sealed CPU")

Work = Callable[[StorageManager, Path], Awaitable[object]]


def measure(size: int) -> Iterator[tuple[str, ...]]:
    """Rows of a table, for an object of so many MiB. `speed` is the sealed one's as a part of the other's."""
    yield HEADINGS
    with tempfile.TemporaryDirectory() as name:
        yield from asyncio.run(_measured(Path(name), size * MIB))


async def _measured(folder: Path, size: int) -> list[tuple[str, ...]]:
    plain, sealed = Place(folder / "plain", None).plain(), await Place(folder / "sealed", None).sealed()
    source = folder / "source"
    source.write_bytes(os.urandom(BLOCK_BYTES) * (size // BLOCK_BYTES))
    for storage in (plain, sealed):
        await storage.put_file("read", shutil.copyfile(source, folder / "copy"))
        for number in range(size // MIB):
            await storage.put_bytes(f"small/{number}", os.urandom(SMALL_BYTES))
    works: Mapping[str, tuple[Work, Work]] = {
        "an upload": (_upload, _upload),
        "a file kept": (_copy_and_keep, _keep),
        "a download": (_download, _download),
        "a file fetched": (_copy_fetched, _fetch),
        "a file fetched, by a link": (_fetch, _fetch),
        "read by a media library": (_look, _look),
        f"{size // MIB} of {SMALL_BYTES // 1000} kB": (_read_small, _read_small),
    }
    return [await _row(name, folder, (plain, sealed), ways, size) for name, ways in works.items()]


async def _row(
    name: str,
    folder: Path,
    storages: tuple[StorageManager, StorageManager],
    ways: tuple[Work, Work],
    size: int,
) -> tuple[str, ...]:
    """In turn, so that what else the machine does hits both."""
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    for _ in range(RUNS):
        for found, storage, work in zip(costs, storages, ways, strict=True):
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                found.append(await _cost(work(storage, Path(scratch))))
    readable, sealed = map(cheapest, costs)
    return (
        name,
        f"{size / MIB / readable.wall:.0f} MiB/s",
        f"{size / MIB / sealed.wall:.0f} MiB/s",
        f"{readable.wall / sealed.wall:.2f}",
        f"{readable.cpu:.3f} s",
        f"{sealed.cpu:.3f} s",
    )


async def _cost(work: Awaitable[object]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    await work
    return Cost(time.perf_counter() - wall, time.process_time() - cpu, 0)


def _source(scratch: Path) -> Path:
    return scratch.parent / "source"


async def _upload(storage: StorageManager, scratch: Path) -> None:
    with _source(scratch).open("rb") as file:
        async with storage.writer("upload") as writer:
            while block := file.read(BLOCK_BYTES):
                await writer.write(block)


async def _keep(storage: StorageManager, scratch: Path) -> None:
    await storage.put_file("kept", _source(scratch))


async def _copy_and_keep(storage: StorageManager, scratch: Path) -> None:
    """A file that is kept readable becomes a link: without the copy nothing would be written."""
    await storage.put_file("kept", shutil.copyfile(_source(scratch), scratch / "copy"))


async def _download(storage: StorageManager, scratch: Path) -> None:
    size = (await storage.head("read")).size
    async for _ in storage.stream("read", 0, size):
        pass


async def _fetch(storage: StorageManager, scratch: Path) -> None:
    await storage.fetch("read", scratch)


async def _copy_fetched(storage: StorageManager, scratch: Path) -> None:
    shutil.copyfile(await storage.fetch("read", scratch), scratch / "copy")


async def _look(storage: StorageManager, scratch: Path) -> None:
    def look() -> None:
        with storage.open("read") as file:
            while file.read(32 << 10):
                pass

    await asyncio.to_thread(look)


async def _read_small(storage: StorageManager, scratch: Path) -> None:
    for key in await storage.keys("small/"):
        await storage.read_bytes(key)
