"""Scratch: the files of one process's work in progress, and whose process has died."""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

from app.core.concurrency import seen_through
from app.core.errors import InvalidSettings

MARKS = "marks"
CLAIMS = 10
CLAIM_INTERVAL = 0.05


class Scratch:
    """A folder for each process under one root, named like the process. It is locked while the process
    lives: the kernel lets go of it however the process ends, so that nobody has to guess who has died.

    A mark is a prefix of objects that are to go if their process dies before it is taken away.
    """

    def __init__(self, root: Path, process: str) -> None:
        self._root = root
        self._process = process
        self._folder = root / process
        self._lock: int | None = None
        self._make(self._folder)

    async def claim(self) -> None:
        """Raises `InvalidSettings` if another process of this name is alive."""
        for _ in range(CLAIMS):
            self._make(self._folder)
            descriptor = _locked(self._folder)
            if descriptor is not None and _is(descriptor, self._folder):
                self._lock = descriptor
                return
            if descriptor is not None:  # somebody has just cleared it away
                os.close(descriptor)
            await asyncio.sleep(CLAIM_INTERVAL)  # or is just looking whether its process lives
        raise InvalidSettings(
            f"WORKER_NAME: a process named {self._process} is already at work in {self._root.parent}"
        )

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @asynccontextmanager
    async def folder(self) -> AsyncIterator[Path]:
        """A private folder for one piece of work, removed with all its contents, which may be gigabytes."""
        folder = self._new_folder()
        try:
            yield folder
        finally:
            await seen_through(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    def mark(self, prefix: str) -> None:
        self._mark_of(prefix).touch()

    def unmark(self, prefix: str) -> None:
        self._mark_of(prefix).unlink(missing_ok=True)

    def abandoned(self) -> dict[str, frozenset[str]]:
        """The processes that have died, a former one of this name among them, each with its marks."""
        return {
            folder.name: frozenset(unquote(mark.name) for mark in (folder / MARKS).glob("*"))
            for folder in self._root.iterdir()
            if self._is_abandoned(folder)
        }

    def clear(self, process: str) -> None:
        """What an abandoned process left behind. This one's own folder stays, as does the claim on it."""
        folder = self._root / process
        if process == self._process:
            for path in folder.iterdir():
                shutil.rmtree(path, ignore_errors=True)
            self._make(folder)
            return
        descriptor = _locked(folder)
        if descriptor is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder)).absolute()

    def _is_abandoned(self, folder: Path) -> bool:
        if folder.name == self._process:
            return True
        descriptor = _locked(folder)
        if descriptor is None:
            return False
        os.close(descriptor)
        return True

    def _mark_of(self, prefix: str) -> Path:
        return self._folder / MARKS / quote(prefix, safe="")

    def _make(self, folder: Path) -> None:
        """For nobody else to look into: what is at work is readable."""
        self._root.mkdir(parents=True, exist_ok=True)
        self._root.chmod(0o700)
        for path in (folder, folder / MARKS):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock, or None if somebody else does or it has gone."""
    with suppress(FileNotFoundError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return descriptor
    return None


def _is(descriptor: int, folder: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    return False
