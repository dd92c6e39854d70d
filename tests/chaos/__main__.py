"""`python -m tests.chaos [--machines] [--films 18] [--kills 36] [--seed 1]`: a server is killed again and
again while it dubs, its engines make trouble and its disk fills; then everything must be as if nothing had
happened. With `--machines` it is one of three workers each time, on PostgreSQL (TEST_DATABASE_URL) and S3.

It ends by itself within ten minutes, with 1 for what is not as it should be.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.benchmarks.measuring import aligned
from tests.chaos.disk import filled
from tests.chaos.engines import TroubledOpenAI
from tests.chaos.films import LANGUAGES, make_films, outputs
from tests.chaos.scenes import Scene, one_server, several_machines
from tests.live_server import DIRECTLY, FINAL, Json, LiveProcess, LiveServer

LONGEST_SECONDS = 600.0
FILM_SECONDS = 12
BETWEEN_KILLS = (0.2, 2.5)
FULL_SECONDS = 3.0
LONGEST_GOING_ON = 10.0
TROUBLE, LATENCY = 0.1, 0.15
OPTIONS = {"video": {"subtitle_mode": "burned", "output_quality": "low"}}


@dataclass
class Tally:
    """What happened on the way."""

    kills: int = 0
    in_flight: int = 0
    fillings: int = 0
    retries: int = 0
    slowest_start: float = 0.0
    slowest_going_on: float = 0.0


@dataclass(frozen=True)
class Chaos:
    """Films are dubbed, and what dubs them is killed."""

    scene: Scene
    engines: TroubledOpenAI
    chance: random.Random
    deadline: float
    tally: Tally = field(default_factory=Tally)

    def rage(self, kills: int, videos: Sequence[str]) -> None:
        """Kills until so many were killed or all is done, and lets the disk fill on the way."""
        for number in range(kills):
            if time.monotonic() > self.deadline or not self._unfinished(videos):
                return
            if number == kills // 4:
                self._fill()
            time.sleep(self.chance.uniform(*BETWEEN_KILLS))
            victim = self.chance.choice(self.scene.victims)
            running = self.scene.attempts()
            victim.kill()
            self.tally.kills += 1
            self.tally.in_flight += self.engines.in_flight(time.monotonic())
            self._start(victim, running)

    def settle(self, videos: Sequence[str]) -> int:
        """How many are dubbed when all have ended; what the full disk ended is asked for again, as a person
        would."""
        while (unfinished := self._unfinished(videos)) and time.monotonic() < self.deadline:
            for task in unfinished:
                if task["status"] in FINAL:
                    start(self.scene.server, task["video_id"])
                    self.tally.retries += 1
            time.sleep(0.5)
        return len(videos) - len(unfinished)

    def _unfinished(self, videos: Sequence[str]) -> list[Json]:
        newest = [newest_dub(self.scene.server, video) for video in videos]
        return [task for task in newest if task["status"] != "completed" or task["result"]["partial"]]

    def _fill(self) -> None:
        if self.scene.disk is None:
            return
        with filled(self.scene.disk):
            time.sleep(FULL_SECONDS)
        self.tally.fillings += 1

    def _start(self, victim: LiveProcess, running: Mapping[str, int]) -> None:
        """Until it is ready, and until all that was running goes on."""
        began = time.monotonic()
        victim.start()
        ready = time.monotonic()
        self.tally.slowest_start = max(self.tally.slowest_start, ready - began)
        while time.monotonic() < ready + LONGEST_GOING_ON and not self._goes_on(running):
            time.sleep(0.05)
        self.tally.slowest_going_on = max(self.tally.slowest_going_on, time.monotonic() - ready)

    def _goes_on(self, running: Mapping[str, int]) -> bool:
        """By another attempt, or because it had just ended."""
        return all(attempt != running.get(job) for job, attempt in self.scene.attempts().items())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--machines", action="store_true", help="several, on PostgreSQL and a bucket")
    parser.add_argument("--films", type=int, default=18)
    parser.add_argument("--kills", type=int, default=36)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = make_films(folder, chosen.films, FILM_SECONDS)
        with TroubledOpenAI(chosen.seed, TROUBLE, LATENCY) as engines:
            engines.chance = 0.0
            with LiveServer(folder / "calm", OPENAI_BASE_URL=engines.url, launcher=DIRECTLY) as calm:
                undisturbed = _dub_all(calm, films, folder, began + LONGEST_SECONDS)
            units = len(engines.exchanges)
            engines.exchanges.clear()
            engines.chance = TROUBLE
            with (several_machines if chosen.machines else one_server)(folder, engines.url) as scene:
                report = _storm(scene, engines, films, folder, chosen, began + LONGEST_SECONDS)
    return _tell(report, undisturbed, engines, units, time.monotonic() - began)


@dataclass(frozen=True)
class Report:
    """How many films were dubbed, what came of each, and what happened meanwhile."""

    dubbed: int
    outputs: Sequence[Mapping[str, str]]
    tally: Tally


def _storm(
    scene: Scene,
    engines: TroubledOpenAI,
    films: Sequence[Path],
    folder: Path,
    chosen: argparse.Namespace,
    deadline: float,
) -> Report:
    videos = _start_all(scene.server, films)
    chaos = Chaos(scene, engines, random.Random(chosen.seed), deadline)
    chaos.rage(chosen.kills, videos)
    dubbed = chaos.settle(videos)
    made = [outputs(scene.server, video, folder) for video in videos] if dubbed == len(videos) else []
    return Report(dubbed, made, chaos.tally)


def _start_all(server: LiveServer, films: Sequence[Path]) -> list[str]:
    videos = [server.upload(film, source_language="en") for film in films]
    for video in videos:
        start(server, video)
    return videos


def start(server: LiveServer, video: str) -> None:
    body = {"target_languages": list(LANGUAGES), "options": OPTIONS}
    server.http.post(f"/api/videos/{video}/dub", json=body).raise_for_status()


def newest_dub(server: LiveServer, video: str) -> Json:
    jobs = server.http.get(f"/api/videos/{video}/jobs").raise_for_status().json()["jobs"]
    return server.task(next(job["job_id"] for job in reversed(jobs) if job["job_type"] == "dub"))


def _dub_all(
    server: LiveServer, films: Sequence[Path], folder: Path, deadline: float
) -> list[Mapping[str, str]]:
    videos = _start_all(server, films)
    for video in videos:
        task = newest_dub(server, video)["task_id"]
        ended = server.finished(task, max(1.0, deadline - time.monotonic()))
        assert ended["status"] == "completed", ended
    return [outputs(server, video, folder) for video in videos]


def _tell(
    report: Report,
    undisturbed: Sequence[Mapping[str, str]],
    engines: TroubledOpenAI,
    units: int,
    seconds: float,
) -> int:
    tally, repeated = report.tally, engines.repeated()
    alike = sum(one == other for one, other in zip(report.outputs, undisturbed, strict=False))
    rows = (
        ("films dubbed", f"{report.dubbed} of {len(undisturbed)}"),
        ("outputs as without any trouble", f"{alike} of {len(undisturbed)}"),
        ("kills", str(tally.kills)),
        ("faults of the engines", str(engines.troubles)),
        ("full disks", f"{tally.fillings}, {tally.retries} dubs asked for again"),
        ("units", f"{units}, {repeated} repeated of {tally.in_flight} in flight at the kills"),
        ("slowest start", f"{tally.slowest_start:.1f} s"),
        ("slowest to go on when ready", f"{tally.slowest_going_on:.1f} s"),
        ("seconds", f"{seconds:.0f}"),
    )
    print(aligned(rows))
    for line in _differences(report.outputs, undisturbed):
        print(line)
    good = alike == len(undisturbed) and repeated <= tally.in_flight
    return 0 if good else 1


def _differences(made: Sequence[Mapping[str, str]], wanted: Sequence[Mapping[str, str]]) -> Iterator[str]:
    for number, (one, other) in enumerate(zip(made, wanted, strict=False)):
        for name, content in one.items():
            if content != other[name]:
                yield f"film {number}, {name}:\n{content}instead of\n{other[name]}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except httpx.HTTPError as error:
        sys.exit(f"the server gave up: {error}")
