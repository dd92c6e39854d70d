from collections.abc import Callable
from pathlib import Path

import pytest

from app.media.ffmpeg import FFmpegWrapper
from app.media.fonts import prepare_fonts

SHARED_MEDIA = Path(__file__).parents[2].parent / "shared" / "media"


@pytest.fixture(scope="session")
def ffmpeg(tmp_path_factory: pytest.TempPathFactory) -> FFmpegWrapper:
    fonts = prepare_fonts(tmp_path_factory.mktemp("data"))
    return FFmpegWrapper(None, fonts=fonts, timeout=60)


@pytest.fixture(scope="session")
def shared_video() -> Callable[[str], Path]:
    """The path of an odd or damaged video, none of which is part of the project."""

    def find(name: str) -> Path:
        path = SHARED_MEDIA / "video" / name
        if not path.exists():
            pytest.skip(f"{path} is not here")
        return path

    return find
