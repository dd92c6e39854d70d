from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.database import Database
from app.media.ffmpeg import FFmpegWrapper
from app.memo import Memo
from app.storage.manager import StorageManager
from tests.media.conftest import ffmpeg, shared_video
from tests.migrated import migrated_database
from tests.render.mixing import MixingDesk
from tests.render.studio import Studio

__all__ = ["ffmpeg", "shared_video"]


@pytest.fixture
async def desk(tmp_path: Path, ffmpeg: FFmpegWrapper) -> AsyncIterator[MixingDesk]:
    """Nothing has been mixed on it yet."""
    path = tmp_path / "app.sqlite"
    path.write_bytes(migrated_database())
    database = Database(f"sqlite+aiosqlite:///{path}")
    storage = StorageManager(tmp_path / "data", "test")
    memo = Memo(database, storage)
    yield MixingDesk(tmp_path, ffmpeg, database, storage, memo)
    await memo.close()
    await database.close()


@pytest.fixture
def studio(tmp_path: Path, desk: MixingDesk) -> Studio:
    """Nothing has been measured in it yet."""
    return Studio(desk.memo, desk.storage, tmp_path)
