"""`python -m app …` forked from a process that has imported the application: importing it takes longer than
most of what tests have it do."""

import gc
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path

# What a server loads when it starts, and when engines behind OpenAI's API are first used.
PRELOADED = (
    "aiosqlite",
    "alembic.command",
    "alembic.config",
    "alembic.context",
    "alembic.runtime.environment",
    "anyio._backends._asyncio",
    "app.cli",
    "app.core.openai_errors",
    "app.main",
    "app.subtitles.engines.openai",
    "app.translation.engines.openai",
    "app.tts.engines.openai",
    "av",
    "httpcore",
    "httpcore2",
    "imageio_ffmpeg",
    "numpy.fft",
    "numpy.ma",
    "openai.resources.audio",
    "openai.resources.chat",
    "truststore",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    __name__,
)


class ForkedProcess:
    """Behaves like a `subprocess.Popen` of the command in a session of its own, whose output is appended to
    the `log`."""

    def __init__(self, command: str, folder: Path, environment: Mapping[str, str], log: Path) -> None:
        log.touch()
        self._process = _context().Process(
            target=_run, args=(command, folder, dict(environment), log), daemon=True
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def terminate(self) -> None:
        self._process.terminate()

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("the forked process", timeout or 0.0)
        return code


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def _run(command: str, folder: Path, environment: Mapping[str, str], log: Path) -> None:
    from app.cli import main

    gc.freeze()  # what is shared with all others stays shared
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    sys.exit(main([command]))
