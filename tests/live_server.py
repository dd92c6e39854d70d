"""Real servers and workers on loopback, in data folders of their own, for tests that talk HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.forked_process import ForkedProcess
from tests.migrated import migrated_database

ROOT = Path(__file__).parents[1]
START_SECONDS = 60.0
STOP_SECONDS = 20.0
POLLING_SECONDS = 0.05
# Looking costs the server as much as a small task: it is done the less often, the longer the wait has been.
LOOKING_SHARE = 0.2
# Nothing is missed by looking less often for what stays.
PAUSE_FOR_AN_END_SECONDS = 0.15
LONGEST_PAUSE_SECONDS = 0.25
TASK_SECONDS = 180.0
FINAL = ("completed", "failed", "cancelled")
DIRECTLY: Sequence[str] = ()

Json = dict[str, Any]


class LiveProcess:
    """`python -m app …` with the given settings, in a data folder of its own or one shared with others.

    It can be killed and started again on the same data, which is how crashes are tested. It is forked, unless
    there is a `launcher`: a command that runs it, such as one that confines it, or `DIRECTLY`.
    """

    def __init__(
        self,
        command: str,
        data_dir: Path,
        log: Path,
        launcher: Sequence[str] | None,
        settings: Mapping[str, str],
    ) -> None:
        self.data_dir = data_dir
        self._command = command
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONPATH": str(ROOT),
            "DATA_DIR": str(data_dir),
            "LOG_LEVEL": "WARNING",
            **settings,
        }
        self._launcher = launcher
        self._log = log
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None

    def begin(self) -> None:
        """Does not wait until it is ready."""
        folder = self.data_dir.parent  # away from a developer's .env
        if self._launcher is None:
            if "DATABASE_URL" not in self._environment and not self.data_dir.exists():
                self.data_dir.mkdir()
                (self.data_dir / "app.sqlite").write_bytes(migrated_database())
            self._process = ForkedProcess(self._command, folder, self._environment, self._log)
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._launcher, sys.executable, "-m", "app", self._command],
                cwd=folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self) -> None:
        """Returns when it is ready, also if it has begun before; raises with the log if it is not in time."""
        if not self.running:
            self.begin()
        deadline = time.monotonic() + START_SECONDS
        while not self.ready():
            if not self.running or time.monotonic() > deadline:
                raise RuntimeError(f"{self._command} did not start:\n{self.log()}")
            time.sleep(POLLING_SECONDS)

    def ready(self) -> bool:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """As a crash would: no goodbye."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """As an operator would. Returns the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(STOP_SECONDS)

    def ended(self) -> int:
        """The exit code, once it has ended by itself."""
        assert self._process is not None
        return self._process.wait(START_SECONDS)

    def log(self, start: int = -5000) -> str:
        """From a former `log_size` on, or the last of it."""
        return self._log.read_bytes()[start:].decode(errors="replace")

    def log_size(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kills it: a stop takes more than a second, and has tests of its own."""
        if self.running:
            self.kill()


class LiveWorker(LiveProcess):
    """`python -m app worker` under a name of its own."""

    def __init__(
        self, data_dir: Path, name: str, *, launcher: Sequence[str] | None = None, **settings: str
    ) -> None:
        log = data_dir.parent / f"{name}.log"
        super().__init__("worker", data_dir, log, launcher, settings | {"WORKER_NAME": name})
        self.name = name
        self._begun = 0

    def begin(self) -> None:
        self._begun = self.log_size()
        super().begin()

    def ready(self) -> bool:
        return f"Working as {self.name}" in self.log(self._begun)


class LiveServer(LiveProcess):
    """`python -m app serve`; `http` is a client of it."""

    def __init__(self, data_dir: Path, *, launcher: Sequence[str] | None = None, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=60, headers={"Accept-Language": "en"})
        address = {"HOST": "127.0.0.1", "PORT": str(self.port)}
        log = data_dir.parent / f"{data_dir.name}.log"
        super().__init__("serve", data_dir, log, launcher, address | settings)

    def ready(self) -> bool:
        try:
            return self.http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def upload(self, path: Path, **fields: str) -> str:
        """The id of the new video."""
        with path.open("rb") as file:
            answer = self.http.post("/api/videos/upload", files={"video": (path.name, file)}, data=fields)
        answer.raise_for_status()
        return str(answer.json()["video_id"])

    def run(self, path: str, body: object = None) -> Json:
        """Starts a task, waits for its end and returns it."""
        answer = self.http.post(path, json=body)
        answer.raise_for_status()
        return self.finished(str(answer.json()["task_id"]))

    def completed(self, path: str, body: object = None) -> Json:
        """Starts a task and returns its result; fails if the task did."""
        task = self.run(path, body)
        assert task["status"] == "completed", task
        result = task["result"]
        assert isinstance(result, dict)
        return result

    def finished(self, task_id: str, seconds: float = TASK_SECONDS) -> Json:
        """The task once it is final."""
        return self.waited_for(
            task_id, lambda task: task["status"] in FINAL, seconds, PAUSE_FOR_AN_END_SECONDS
        )

    def waited_for(
        self,
        task_id: str,
        wanted: Callable[[Json], bool],
        seconds: float = 60.0,
        shortest_pause: float = POLLING_SECONDS,
    ) -> Json:
        """The task once it is as wanted."""
        task: Json = {}

        def is_wanted() -> bool:
            nonlocal task
            task = self.task(task_id)
            return wanted(task)

        self.wait(is_wanted, seconds, lambda: f"the task is still {task}", shortest_pause=shortest_pause)
        return task

    def task(self, task_id: str) -> Json:
        task: Json = self.http.get(f"/api/tasks/{task_id}").raise_for_status().json()
        return task

    def wait(
        self,
        condition: Callable[[], bool],
        seconds: float = 60.0,
        complaint: Callable[[], str] = lambda: "it did not come to pass",
        longest_pause: float = LONGEST_PAUSE_SECONDS,
        shortest_pause: float = POLLING_SECONDS,
    ) -> None:
        """Returns soon after the condition holds; fails with the log if that is not in time."""
        begun = time.monotonic()
        while not condition():
            waited = time.monotonic() - begun
            assert waited < seconds, f"{complaint()}\n{self.log()}"
            time.sleep(min(max(shortest_pause, LOOKING_SHARE * waited), longest_pause))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        super().__exit__(kind, error, trace)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
