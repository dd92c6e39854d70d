"""FileValidator: what a client may call a file and how large it may be."""

import unicodedata

from app.core.errors import ErrorCode, Problem

LONGEST_NAME = 200
UNNAMED = "video"


class FileValidator:
    """The bounds of an upload."""

    def __init__(self, max_upload_bytes: int) -> None:
        self.max_upload_bytes = max_upload_bytes

    def check_size(self, size: int) -> None:
        """Raises `Problem(UPLOAD_TOO_LARGE)`; `size` in bytes, announced or received so far."""
        if size > self.max_upload_bytes:
            raise Problem(ErrorCode.UPLOAD_TOO_LARGE, limit=self.max_upload_bytes)


def clean_filename(name: str | None) -> str:
    """A client's file name without folders and control characters; never empty."""
    base = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(char for char in unicodedata.normalize("NFC", base) if char.isprintable())
    return printable.strip().lstrip(".")[:LONGEST_NAME] or UNNAMED
