"""Probing what nobody vouches for, beside the server: `app.media.probe_child` in a process that is confined
and has little time."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import BinaryIO

from pydantic import BaseModel

import app
from app.core.errors import ErrorCode, Problem
from app.media import sandbox
from app.media.probe import MediaInfo
from app.media.probe_child import BLOCK_BYTES, GIVEN, ORDER, RESULT

PATIENCE = 8.0
# What it takes to read a file to its end where its header cannot be believed, in bytes a second.
READING_SPEED = 32 * 1024**2
LARGEST_RESULT = 1024**2
ROOT = Path(app.__file__).parents[1]
CHILD = "app.media.probe_child"


class _Found(BaseModel):
    """What the child tells: a video's facts, or why it is none."""

    info: MediaInfo | None = None
    problem: ErrorCode | None = None
    details: dict[str, str | float] = {}


def probe_apart(file: BinaryIO, size: int) -> MediaInfo:
    """`app.media.probe.probe` of a file of `size` bytes; blocking, some 0.2 s for a file in good order.

    Raises `Problem`: NOT_A_VIDEO, or VIDEO_UNREADABLE, also for what takes too much time or memory.
    """
    found = _ask(file, size, PATIENCE + size / READING_SPEED)
    if found is None:
        raise Problem(ErrorCode.VIDEO_UNREADABLE, reason="looking at it takes too much time or memory")
    if found.info is None:
        raise Problem.recorded(found.problem or ErrorCode.VIDEO_UNREADABLE, found.details)
    return found.info


def _ask(file: BinaryIO, size: int, seconds: float) -> _Found | None:
    """None if the child ends, or has to be ended, without a result."""
    with subprocess.Popen(
        _command(size, seconds),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        cwd="/",
        process_group=0,
    ) as process:
        end = Timer(seconds, process.kill)
        end.start()
        try:
            result = _serve(process, file)
        finally:
            end.cancel()
            process.kill()
    return None if result is None else _Found.model_validate_json(result)


def _serve(process: "subprocess.Popen[bytes]", file: BinaryIO) -> bytes | None:
    """Gives the child what it asks for, up to its result."""
    orders, given = process.stdout, process.stdin
    if orders is None or given is None:
        raise RuntimeError("the process was started without pipes")
    while len(order := orders.read(ORDER.size)) == ORDER.size:
        offset, length = ORDER.unpack(order)
        if offset == RESULT:
            result = orders.read(min(length, LARGEST_RESULT))
            return result if len(result) == length else None
        file.seek(offset)
        data = file.read(min(length, BLOCK_BYTES))
        try:
            given.write(GIVEN.pack(len(data)) + data)
            given.flush()
        except BrokenPipeError:
            return None
    return None


def _command(size: int, seconds: float) -> list[str]:
    child = [sys.executable, "-S", "-m", CHILD, str(size), str(int(seconds) + 1)]
    return sandbox.isolate(child, sandbox.Reach(reads=_places()))


def _environment() -> dict[str, str]:
    """Where packages are found is told rather than looked up, which takes longer."""
    path = os.pathsep.join((str(ROOT), *map(str, _packages())))
    return sandbox.environment(PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1")


def _places() -> tuple[Path, ...]:
    """No more of the folder that the server is in than its program: data and settings may be beside it."""
    return ROOT / "app", *_packages()


def _packages() -> tuple[Path, ...]:
    return tuple(Path(place) for place in sys.path if place.endswith("-packages"))
