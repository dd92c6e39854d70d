"""How long people wait: for a whole dub where engines take their time, and for a page while others render."""

import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

import psutil

from app.media.audio import Audio
from app.subtitles.cues import Cue
from app.tts.engines.base import SpeechRequest
from tests.benchmarks.dub import CODERS, Babbler, PacedTranscriber, bare_ffmpeg
from tests.conftest import make_clip
from tests.e2e.dubbing import bring_translation, fetch, speak
from tests.live_server import DIRECTLY, LiveServer
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI
from tests.media.babble import babble

LATENCIES = {Endpoint.TRANSCRIPTIONS: 1.0, Endpoint.CHAT: 1.0, Endpoint.SPEECH: 0.5}
AT_ONCE: Mapping[Endpoint, float] = {}
SECONDS, LINES, WARM_UP_SECONDS = 600, 150, 10
HEADINGS = (
    "dub of 10 min, 150 lines",
    "wall",
    "engines' latencies alone",
    "x",
    "and bare FFmpeg",
    "x",
    "wall without latencies",
)
ASKED, RENDERS = 400, 4
ROBOT_LINES = (Cue(0.5, 2.0, "One small step."), Cue(2.5, 4.0, "And a giant leap."))


class Parrot(Babbler):
    """Babbles alike whatever it is to say: an engine on the network takes nothing from this machine."""

    async def speak(self, request: SpeechRequest) -> Audio:
        return _babble(round(self.seconds(request.text), 1))


@cache
def _babble(seconds: float) -> Audio:
    return babble(seconds, seed=0)


def measure_dubs(at_once: Sequence[int] = (8, 32)) -> Iterator[tuple[str, ...]]:
    """A row for each number of calls at once: the wall time of the one call against what its engines' answers
    take at least, one after the other where one needs the other, and against that with the FFmpeg work that
    nobody can dub without; and the same dub with engines that answer at once."""
    yield HEADINGS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, short = folder / "clip.mp4", folder / "short.mp4"
        make_clip(clip, SECONDS)
        make_clip(short, WARM_UP_SECONDS)
        for calls in at_once:
            voice = folder / f"{calls}.mp3"
            wall, own = (
                _dub(folder / f"{calls} {len(latency)}", latency, calls, voice, short, clip)
                for latency in (LATENCIES, AT_ONCE)
            )
            latencies = 1.0 + 1.0 + -(-LINES // calls) * 0.5
            least = latencies + bare_ffmpeg(folder, clip, voice, CODERS["ffmpeg as it comes"]).wall
            yield (
                f"{calls} calls at once",
                f"{wall:.1f} s",
                f"{latencies:.1f} s",
                f"{wall / latencies:.2f}",
                f"{least:.1f} s",
                f"{wall / least:.2f}",
                f"{own:.1f} s",
            )


def _dub(data: Path, latency: Mapping[Endpoint, float], calls: int, voice: Path, *clips: Path) -> float:
    """Seconds that the last of the clips takes on a server that has loaded its libraries for the others. What
    was spoken is left in `voice`."""
    engines = LoopbackOpenAI(transcriber=PacedTranscriber(SECONDS / LINES), speech=Parrot(), latency=latency)
    settings = {"OPENAI_MAX_CONCURRENCY": str(calls), "OPENAI_BASE_URL": engines.url}
    body = {"target_languages": ["es"], "options": {"video": {"subtitle_mode": "none"}}}
    with engines, LiveServer(data, launcher=DIRECTLY, **settings) as server:
        videos = [server.upload(clip, source_language="en") for clip in clips]
        tasks = [server.run(f"/api/videos/{video}/dub", body) for video in videos]
        fetch(server, f"/api/videos/{videos[-1]}/audio?language=es", voice)
    assert tasks[-1]["status"] == "completed", tasks[-1]
    began, ended = (datetime.fromisoformat(tasks[-1][moment]) for moment in ("created_at", "completed_at"))
    return (ended - began).total_seconds()


def measure_answers() -> Iterator[tuple[str, ...]]:
    """How long `GET /api/tasks/{id}` takes on an idle server, while four of its renders encode a picture with
    subtitles in it, and when they are gone: others may load the machine as well."""
    yield ("GET of a task", "median", "p99", "slowest")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        make_clip(clip, 300, size="1280x720")
        with LiveServer(folder / "data", CPU_JOBS=str(RENDERS), launcher=DIRECTLY) as server:
            videos = [_spoken(server, clip) for _ in range(RENDERS)]
            spoken = server.http.get(f"/api/videos/{videos[0]}/jobs").json()["jobs"][-1]["job_id"]
            yield ("idle", *_answered(server, spoken))
            tasks = [_render(server, video) for video in videos]
            server.wait(lambda: _encoders(server) == RENDERS, seconds=240)
            yield (f"{RENDERS} renders under way", *_answered(server, tasks[0]))
            states = {str(server.task(each)["status"]) for each in tasks}
            assert states == {"processing"}, "the renders were done before all was asked"
            for each in tasks:
                server.http.post(f"/api/tasks/{each}/cancel").raise_for_status()
            server.wait(lambda: _encoders(server) == 0)
            yield ("idle again", *_answered(server, tasks[0]))


def _spoken(server: LiveServer, clip: Path) -> str:
    video = server.upload(clip)
    bring_translation(server, video, "en", *ROBOT_LINES)
    speak(server, video, "en", "espeak-en-us-male")
    return video


def _render(server: LiveServer, video: str) -> str:
    body = {"language": "en", "options": {"output_quality": "high", "subtitle_mode": "burned"}}
    answer = server.http.post(f"/api/videos/{video}/generate-dubbed-video", json=body)
    return str(answer.raise_for_status().json()["task_id"])


def _encoders(server: LiveServer) -> int:
    """How many of its FFmpeg processes have used a second of processor time, which no short errand does."""
    children = psutil.Process(server.pid).children(recursive=True)
    return sum(_has_worked(child) for child in children)


def _has_worked(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.name().startswith("ffmpeg") and process.cpu_times().user > 1.0
    return False


def _answered(server: LiveServer, task: str) -> tuple[str, ...]:
    waits = []
    for _ in range(ASKED):
        began = time.perf_counter()
        server.task(task)
        waits.append(time.perf_counter() - began)
        time.sleep(0.02)
    waits.sort()
    shown = (statistics.median(waits), waits[round(0.99 * len(waits)) - 1], waits[-1])
    return tuple(f"{1000 * wait:.1f} ms" for wait in shown)
