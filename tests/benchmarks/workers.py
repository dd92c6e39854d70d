"""What more processes are worth where engines take their time: many small jobs, and a large one."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from app.subtitles.cues import Cue
from tests.bucket import Bucket
from tests.conftest import make_clip, shared_by_machines
from tests.e2e.dubbing import bring_translation
from tests.live_server import DIRECTLY, LiveServer, LiveWorker
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI
from tests.postgres import VARIABLE, Postgres

# Few and long calls: all processes share one machine with the database, the bucket and the engines.
LATENCY, CALLS_AT_ONCE = 1.0, 4
LINE_SECONDS = 2.0
JOBS_AT_ONCE = 2
WORK = f"speech, {CALLS_AT_ONCE} calls of {LATENCY} s at once each"
HEADINGS = (WORK, "processes", "wall", "lines/s", "x one process")


@dataclass(frozen=True, slots=True)
class Load:
    """So many jobs of so many lines, begun at once."""

    jobs: int
    lines: int

    def __str__(self) -> str:
        return f"{self.jobs} × {self.lines} lines"


SMALL_JOBS, LARGE_JOB = Load(12, 20), Load(1, 240)


def measure(numbers: Sequence[int] = (1, 2, 4)) -> Iterator[tuple[str, ...]]:
    """A row for each load and number of processes, on PostgreSQL and a bucket."""
    if not os.environ.get(VARIABLE):
        yield (f"skipped: {VARIABLE} names no PostgreSQL server (.ci/postgres starts one)",)
        return
    yield HEADINGS
    speeds: dict[Load, float] = {}
    engines = LoopbackOpenAI(latency={Endpoint.SPEECH: LATENCY})
    with (
        tempfile.TemporaryDirectory() as name,
        Postgres(os.environ[VARIABLE]) as postgres,
        Bucket() as bucket,
        engines,
    ):
        clip = Path(name) / "clip.mp4"
        make_clip(clip, LINE_SECONDS * LARGE_JOB.lines)
        for number in numbers:
            settings = {"OPENAI_BASE_URL": engines.url, **shared_by_machines(postgres, bucket)}
            with _processes(Path(name) / str(number), number, settings) as server:
                _seconds_for(server, clip, Load(number * JOBS_AT_ONCE, 8))  # each has loaded its libraries
                for load in (SMALL_JOBS, LARGE_JOB):
                    wall = _seconds_for(server, clip, load)
                    speed = load.jobs * load.lines / wall
                    ratio = speed / speeds.setdefault(load, speed)
                    yield (str(load), str(number), f"{wall:.1f} s", f"{speed:.1f}", f"{ratio:.2f}")


@contextmanager
def _processes(folder: Path, number: int, settings: Mapping[str, str]) -> Iterator[LiveServer]:
    """A server, and workers for the rest."""
    folder.mkdir()
    limits = {"OPENAI_MAX_CONCURRENCY": str(CALLS_AT_ONCE), "API_JOBS": str(JOBS_AT_ONCE)}
    common = {**settings, **limits, "WORKER_NAME": "server"}
    server = LiveServer(folder / "server", launcher=DIRECTLY, **common)
    names = [f"worker-{index}" for index in range(1, number)]
    workers = [LiveWorker(folder / name, name, launcher=DIRECTLY, **common) for name in names]
    with ExitStack() as stack:
        for process in (server, *workers):
            process.begin()
        for process in (server, *workers):
            stack.enter_context(process)
        yield server


def _seconds_for(server: LiveServer, clip: Path, load: Load) -> float:
    """From the first request until all is spoken; no line is like any other."""
    videos = [_translated(server, clip, load.lines) for _ in range(load.jobs)]
    began = time.perf_counter()
    tasks = [_begin(server, video) for video in videos]
    for task in tasks:
        assert server.finished(task)["status"] == "completed"
    return time.perf_counter() - began


def _translated(server: LiveServer, clip: Path, lines: int) -> str:
    topic = uuid4().hex[:8]
    cues = [
        Cue(number * LINE_SECONDS, (number + 1) * LINE_SECONDS - 0.1, f"Line {number} of {topic}.")
        for number in range(lines)
    ]
    video = server.upload(clip)
    bring_translation(server, video, "en", *cues)
    return video


def _begin(server: LiveServer, video: str) -> str:
    body = {"language": "en", "audio_format": "wav"}
    answer = server.http.post(f"/api/videos/{video}/generate-tts", json=body)
    return str(answer.raise_for_status().json()["task_id"])
