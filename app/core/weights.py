"""Model weights that installed packages carry in parts."""

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path

from app.core.errors import ErrorCode, Problem


def assemble(parts: Sequence[Traversable], target: Path, sha256: str) -> Path:
    """Join `parts` into `target`, unless it is already there and whole.

    The file appears under its name only when its hash is right, so neither a crash nor a second process
    leaves half a model. Raises `Problem(MODEL_UNAVAILABLE)` when the packages hold something else.
    """
    if target.is_file() and _digest(target) == sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".joining-") as scratch:
        joined = Path(scratch) / target.name
        _join(parts, joined)
        if _digest(joined) != sha256:
            raise Problem(ErrorCode.MODEL_UNAVAILABLE, model=target.name, reason="wrong hash")
        joined.replace(target)
    return target


def _join(parts: Sequence[Traversable], joined: Path) -> None:
    with joined.open("wb") as whole:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, whole, 1 << 20)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
