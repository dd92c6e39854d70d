"""The bounds of an upload: its size, and the room that is left on the disk."""

import shutil
from pathlib import Path

import pytest

from app.core.errors import ErrorCode, Problem
from app.storage.validator import LOOK_BYTES, RESERVE_BYTES, RESERVE_SHARE, FileValidator

UNLIMITED = 1 << 60


def test_what_would_fill_the_disk_is_refused_before_it_comes(tmp_path: Path) -> None:
    disk = shutil.disk_usage(tmp_path)
    reserve = min(RESERVE_BYTES, RESERVE_SHARE * disk.total)
    validator = FileValidator(UNLIMITED, tmp_path)
    validator.check_announced(round(disk.free - 2 * reserve))
    with pytest.raises(Problem) as caught:
        validator.check_announced(disk.free)
    assert caught.value.code is ErrorCode.STORAGE_FULL


def test_what_comes_without_a_word_is_looked_at_on_the_way(tmp_path: Path) -> None:
    validator = FileValidator(UNLIMITED, tmp_path / "gone")
    validator.check_received(LOOK_BYTES - 1, 1)
    with pytest.raises(FileNotFoundError):  # it looks
        validator.check_received(LOOK_BYTES, 1)
    validator.check_received(LOOK_BYTES + 1, 1)


def test_a_bucket_has_no_disk_to_fill() -> None:
    FileValidator(UNLIMITED, None).check_announced(UNLIMITED)


def test_a_file_is_too_large_as_soon_as_it_is() -> None:
    validator = FileValidator(100, None)
    validator.check_announced(100)
    validator.check_received(100, 50)
    with pytest.raises(Problem) as caught:
        validator.check_announced(101)
    assert caught.value.code is ErrorCode.UPLOAD_TOO_LARGE
    with pytest.raises(Problem) as caught:
        validator.check_received(101, 1)
    assert caught.value.code is ErrorCode.UPLOAD_TOO_LARGE
