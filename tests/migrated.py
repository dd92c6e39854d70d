"""A migrated SQLite database: to migrate one for each test and server takes longer than most tests do."""

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from app.core.database import Database


@cache
def migrated_database() -> bytes:
    """The file, as it is left by a process that migrated it from nothing."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as beside:
        path = Path(folder) / "app.sqlite"
        beside.submit(asyncio.run, _migrate(path)).result()  # the tests' own event loop may be running here
        return path.read_bytes()


async def _migrate(path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{path}")
    await database.migrate()
    await database.close()
