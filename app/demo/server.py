"""The demo's server: a process of its own on a free port, with a data folder of its own."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.demo.failure import DemoFailed, ServerStopped

STOP_SECONDS = 15.0
ANNOUNCEMENT = "Listening on "
LOG_TAIL = 2000


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keeps a second demo out of the folder. Raises `DemoFailed` when there is one already."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoFailed(f"Another demo is running in {folder}.") from error
        yield


@contextmanager
def running_server(data: Path, log: Path) -> Iterator[str]:
    """The URL of a server on `data`, which is gone when the block ends. Raises `DemoFailed` with the end
    of its log when it does not start, or stops before."""
    environment = os.environ | {
        "DATA_DIR": str(data),
        "DATABASE_URL": f"sqlite:///{data / 'app.sqlite'}",
        "HOST": "127.0.0.1",
        "PORT": "0",
    }
    with log.open("w") as log_file:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
            start_new_session=True,  # Ctrl-C is for the demo, which first cancels what the server is doing
        )
    try:
        yield _announced(process)
    except ServerStopped as stopped:
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)  # it closes its door before it says why
        told = log.read_text(errors="replace")[-LOG_TAIL:].strip()
        raise DemoFailed(f"{stopped}\n{told}\nTo begin the demo anew, remove {data}.") from stopped
    finally:
        _stop(process)


def _announced(process: subprocess.Popen[str]) -> str:
    for line in process.stdout or ():
        if line.startswith(ANNOUNCEMENT):
            return line.removeprefix(ANNOUNCEMENT).strip()
    raise ServerStopped


def _stop(process: subprocess.Popen[str]) -> None:
    with process:
        try:
            process.terminate()
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
