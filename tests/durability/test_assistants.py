"""One large job on a server and a worker that share nothing but PostgreSQL and a bucket."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import av
import psycopg
import pytest

from tests.bucket import Bucket
from tests.conftest import PRICES, make_clip, shared_by_machines
from tests.durability.conftest import CALLS_AT_ONCE
from tests.durability.processes import encoders
from tests.durability.stages import (
    LANGUAGE,
    RENDER,
    RENDER_BODY,
    SPEECH,
    TRANSCRIPTION,
    subtitled_video,
    translated_video,
    voiced_video,
)
from tests.live_server import Json, LiveProcess, LiveServer, LiveWorker
from tests.loopback.faults import Delay
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI
from tests.postgres import Postgres

LINES = 60
LINE_SECONDS = 0.3
TRANSLATION_SECONDS = 3.0
CLIP_SECONDS = 2.0
# No line is said in fewer words, so that each is one call.
AS_THEY_ARE = {"rewrites": 0}
SERVER, WORKER = "server", "worker"
# Those of the dead, and those of an assistant whose process takes the job over.
IN_FLIGHT = 2 * CALLS_AT_ONCE
SECONDS_TO_NOTICE = 30.0
PROMPTLY = 3.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Each process calls the engines with its own name for a key."""

    server: LiveServer
    worker: LiveWorker
    engines: LoopbackOpenAI
    database_url: str

    def callers(self, endpoint: Endpoint = Endpoint.SPEECH) -> Counter[str]:
        """How many units each process has asked for."""
        calls = self.engines.requests_to(endpoint)
        return Counter(call.headers["authorization"].removeprefix("Bearer ") for call in calls)

    def begin(self, video_id: str, **terms: object) -> str:
        """The id of a task whose lines are slow to come."""
        self.engines.fail(SPEECH.endpoint, Delay(LINE_SECONDS), times=10 * LINES)
        return SPEECH.begin(self.server, video_id, options=AS_THEY_ARE, **terms)

    def begin_and_share(self, video_id: str) -> str:
        """The same once both are at work on it."""
        task_id = self.begin(video_id)
        self.server.wait(lambda: self.callers().keys() == {SERVER, WORKER})
        return task_id

    def holder(self, task_id: str) -> LiveProcess:
        """The process that has the job."""
        (name,) = self._row("SELECT worker FROM jobs WHERE id = %s", task_id)
        return {SERVER: self.server, WORKER: self.worker}[str(name)]

    def claims(self) -> object:
        (count,) = self._row("SELECT count(*) FROM memo_claims")
        return count

    def _row(self, query: str, *parameters: str) -> tuple[object, ...]:
        with psycopg.connect(self.database_url.replace("+psycopg", "")) as database:
            row = database.execute(query.encode(), parameters).fetchone()
        assert row is not None
        return row


@pytest.fixture(scope="module")
def mortal_pair(
    tmp_path_factory: pytest.TempPathFactory,
    engine_server: LoopbackOpenAI,
    postgres: Postgres,
    bucket: Bucket,
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    settings = shared_by_machines(postgres, bucket)
    engines = {"OPENAI_BASE_URL": engine_server.url, "OPENAI_MAX_CONCURRENCY": str(CALLS_AT_ONCE)}
    # However busy the tests keep the machine, each has a hand free.
    rooms = {"API_JOBS": "4", "CPU_JOBS": "2"}
    common = {**engines, **rooms, "PRICES_FILE": str(PRICES), "WORKER_NAME": SERVER, **settings}
    server = LiveServer(folder / SERVER, OPENAI_API_KEY=SERVER, **common)
    worker = LiveWorker(folder / WORKER, WORKER, OPENAI_API_KEY=WORKER, **common)
    for process in (server, worker):
        process.begin()
    with server, worker:
        yield Pair(server, worker, engine_server, settings["DATABASE_URL"])


@pytest.fixture
def pair(mortal_pair: Pair, engines: LoopbackOpenAI) -> Iterator[Pair]:
    """Both are running, and nothing unexpected may happen in them."""
    processes: tuple[LiveProcess, ...] = (mortal_pair.server, mortal_pair.worker)
    for process in processes:
        if not process.running:
            process.start()
    before = [process.log_size() for process in processes]
    yield mortal_pair
    for process, size in zip(processes, before, strict=True):
        assert "Traceback" not in process.log(size)


@pytest.fixture(scope="module")
def three_parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough that its picture is encoded in three parts, which take seconds each."""
    path = tmp_path_factory.mktemp("clips") / "three parts.mp4"
    make_clip(path, seconds=75, size="960x540")
    return path


def render_of(video_id: str) -> tuple[str, Json]:
    return f"/api/videos/{video_id}/{RENDER}", RENDER_BODY


def frame_times(content: bytes) -> list[float]:
    """Of a film's picture, in seconds."""
    with av.open(BytesIO(content), "r") as film:
        picture = film.streams.video[0]
        assert picture.time_base is not None
        ticks = sorted(packet.pts for packet in film.demux(picture) if packet.pts is not None)
        return [round(float(tick * picture.time_base), 4) for tick in ticks]


@dataclass(frozen=True, slots=True)
class Parts:
    """Of pictures: how many were `made`, and how many were `taken` as they had been made before, which is
    below 0 where a job has made what its assistant had made for it."""

    made: int
    taken: int

    @classmethod
    def of(cls, server: LiveServer) -> "Parts":
        kinds = server.http.get("/api/memo").raise_for_status().json()["kinds"]
        pictures = [kind for kind in kinds if kind["kind"] == "picture"]
        return cls(sum(kind["entries"] for kind in pictures), sum(kind["hits"] for kind in pictures))


def outcome_undisturbed(undisturbed: LiveServer, clip: Path, topic: str) -> list[tuple[object, ...]]:
    video_id = translated_video(undisturbed, clip, topic, LINES)
    task_id = SPEECH.begin(undisturbed, video_id, options=AS_THEY_ARE)
    assert undisturbed.finished(task_id)["status"] == "completed"
    return SPEECH.outcome(undisturbed, video_id)


def test_both_speak_and_no_line_is_spoken_twice(
    pair: Pair, undisturbed: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    expected = outcome_undisturbed(undisturbed, half_minute, "shared")
    engines.forget()
    video_id = translated_video(pair.server, half_minute, "shared", LINES)
    task = pair.server.finished(pair.begin(video_id))
    assert task["status"] == "completed"
    assert SPEECH.outcome(pair.server, video_id) == expected
    texts = Counter(call.fields["input"] for call in engines.requests_to(Endpoint.SPEECH))
    assert len(texts) == texts.total() == LINES
    assert min(pair.callers()[name] for name in (SERVER, WORKER)) >= LINES // 5
    usage = pair.server.http.get(f"/api/videos/{video_id}/usage").raise_for_status().json()
    assert usage["total"]["calls"] == LINES
    costs = [line["cost"] for line in SPEECH.lines(pair.server, video_id)]
    assert min(costs) > 0
    assert sum(costs) == pytest.approx(usage["total"]["cost"])


def test_both_speak_what_is_still_being_translated(
    pair: Pair, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = subtitled_video(pair.server, half_minute, "following", LINES)
    engines.fail(Endpoint.CHAT, Delay(TRANSLATION_SECONDS), times=LINES)
    engines.fail(Endpoint.SPEECH, Delay(LINE_SECONDS), times=10 * LINES)
    options = {"speech": AS_THEY_ARE, "video": {"subtitle_mode": "none"}}
    body = {"target_languages": [LANGUAGE], "options": options}
    answer = pair.server.http.post(f"/api/videos/{video_id}/dub", json=body).raise_for_status()
    assert pair.server.finished(answer.json()["task_id"])["status"] == "completed"
    texts = Counter(call.fields["input"] for call in engines.requests_to(Endpoint.SPEECH))
    assert len(texts) == texts.total()
    assert min(pair.callers()[name] for name in (SERVER, WORKER)) >= LINES // 5
    lines = SPEECH.lines(pair.server, video_id)
    usage = pair.server.http.get(f"/api/videos/{video_id}/usage?group_by=model").json()
    spent = {group["key"]: group["cost"] for group in usage["groups"]}
    assert sum(line["cost"] for line in lines) == pytest.approx(spent["gpt-4o-mini-tts"])


def test_both_listen_and_no_clip_is_heard_twice(
    pair: Pair, undisturbed: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    reference = TRANSCRIPTION.prepare(undisturbed, half_minute, "heard")
    undisturbed.completed(f"/api/videos/{reference}/{TRANSCRIPTION.start}", TRANSCRIPTION.body)
    clips = len(TRANSCRIPTION.requests(engines))
    engines.forget()
    engines.fail(TRANSCRIPTION.endpoint, Delay(CLIP_SECONDS), times=10 * clips)
    video_id = TRANSCRIPTION.prepare(pair.server, half_minute, "heard")
    pair.server.completed(f"/api/videos/{video_id}/{TRANSCRIPTION.start}", TRANSCRIPTION.body)
    assert pair.callers(TRANSCRIPTION.endpoint).keys() == {SERVER, WORKER}
    assert pair.callers(TRANSCRIPTION.endpoint).total() == clips
    assert TRANSCRIPTION.outcome(pair.server, video_id) == TRANSCRIPTION.outcome(undisturbed, reference)


def test_both_render_and_no_part_is_encoded_twice(pair: Pair, three_parts: Path) -> None:
    video_id = voiced_video(pair.server, three_parts, "rendered")
    before = Parts.of(pair.server)
    path, body = render_of(video_id)
    task_id = pair.server.http.post(path, json=body).raise_for_status().json()["task_id"]
    both = (pair.server, pair.worker)
    pair.server.wait(lambda: all(encoders(process.data_dir) for process in both), seconds=120)
    result = pair.server.finished(task_id)["result"]
    film = pair.server.http.get(result["download_url"]).raise_for_status().content
    assert frame_times(film) == frame_times(three_parts.read_bytes())
    once = Parts(made=before.made + 3, taken=before.taken)
    pair.server.wait(lambda: Parts.of(pair.server) == once, complaint=lambda: str(Parts.of(pair.server)))


@pytest.mark.parametrize("victim", ["assistant", "holder"])
def test_either_may_die(
    victim: str, pair: Pair, undisturbed: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    expected = outcome_undisturbed(undisturbed, half_minute, f"death of the {victim}")
    engines.forget()
    video_id = translated_video(pair.server, half_minute, f"death of the {victim}", LINES)
    task_id = pair.begin_and_share(video_id)
    holder = pair.holder(task_id)
    assistant = pair.worker if holder is pair.server else pair.server
    dead = holder if victim == "holder" else assistant
    dead.kill()
    if dead is pair.server:
        pair.server.start()
    assert pair.server.finished(task_id, SECONDS_TO_NOTICE)["status"] == "completed"
    assert SPEECH.outcome(pair.server, video_id) == expected
    calls = len(engines.requests_to(Endpoint.SPEECH))
    assert calls <= LINES + IN_FLIGHT


def test_a_cancelled_job_has_no_assistant(pair: Pair, engines: LoopbackOpenAI, half_minute: Path) -> None:
    video_id = translated_video(pair.server, half_minute, "cancelled together", LINES)
    task_id = pair.begin_and_share(video_id)
    pair.server.http.post(f"/api/tasks/{task_id}/cancel").raise_for_status()
    pair.server.wait(lambda: pair.claims() == 0, PROMPTLY)
    assert len(engines.requests_to(Endpoint.SPEECH)) < LINES
    assert pair.server.task(task_id)["status"] == "cancelled"


def test_both_together_keep_a_limit_of_costs(pair: Pair, engines: LoopbackOpenAI, half_minute: Path) -> None:
    free = translated_video(pair.server, half_minute, "limit", LINES)
    limit = pair.server.finished(pair.begin(free, max_cost=100))["cost"] / 2
    engines.forget()
    video_id = translated_video(pair.server, half_minute, "bound", LINES)
    task = pair.server.finished(pair.begin(video_id, max_cost=limit))
    assert (task["status"], task["error"]["code"]) == ("failed", "cost_limit_reached")
    assert pair.callers().keys() == {SERVER, WORKER}
    assert 0.8 * limit < task["cost"] <= limit
