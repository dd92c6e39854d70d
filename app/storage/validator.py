"""FileValidator: what a client may call a file and how large it may be."""

import shutil
import unicodedata
from pathlib import Path

from app.core.errors import ErrorCode, Problem

LONGEST_NAME = 200
UNNAMED = "video"


# What an upload leaves free, for the rows, the logs and the work that is under way: so many bytes, but no
# larger a share of a small disk.
RESERVE_BYTES = 512 * 1024**2
RESERVE_SHARE = 0.05
# How much may arrive until the disk is looked at again.
LOOK_BYTES = 16 * 1024**2


class FileValidator:
    """The bounds of an upload. `folder` is where uploads go, if that is a disk of this machine."""

    def __init__(self, max_upload_bytes: int, folder: Path | None) -> None:
        self.max_upload_bytes = max_upload_bytes
        self._folder = folder

    def check_announced(self, size: int) -> None:
        """Before the first byte; `size` in bytes, 0 where it is not told. Raises `Problem`: UPLOAD_TOO_LARGE
        or STORAGE_FULL."""
        self._check_size(size)
        self._check_room(size)

    def check_received(self, size: int, more: int) -> None:
        """After `more` bytes, `size` in all so far. Raises `Problem`: UPLOAD_TOO_LARGE or STORAGE_FULL."""
        self._check_size(size)
        if size // LOOK_BYTES > (size - more) // LOOK_BYTES:
            self._check_room(0)

    def _check_size(self, size: int) -> None:
        if size > self.max_upload_bytes:
            raise Problem(ErrorCode.UPLOAD_TOO_LARGE, limit=self.max_upload_bytes)

    def _check_room(self, size: int) -> None:
        if self._folder is None:
            return
        disk = shutil.disk_usage(self._folder)
        if disk.free - size < min(RESERVE_BYTES, RESERVE_SHARE * disk.total):
            raise Problem(ErrorCode.STORAGE_FULL)


def clean_filename(name: str | None) -> str:
    """A client's file name without folders and control characters; never empty."""
    base = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(char for char in unicodedata.normalize("NFC", base) if char.isprintable())
    return printable.strip().lstrip(".")[:LONGEST_NAME] or UNNAMED
