"""Keys of requests whose server dies in the middle of them."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import httpx

from app.core.database import Database
from app.idempotency.models import IdempotencyKey, KeyState
from app.idempotency.storage import Holder, KeptAnswer, forget_answers, keep, take
from tests.durability.stages import SPEECH, TRANSLATION, translated_video
from tests.live_server import Json, LiveServer
from tests.loopback.faults import Delay
from tests.loopback.openai_server import LoopbackOpenAI


def jobs(server: LiveServer, video_id: str) -> list[Json]:
    return list(server.http.get(f"/api/videos/{video_id}/jobs").raise_for_status().json()["jobs"])


def test_an_answer_outlives_the_server(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    """It is in the database as soon as the work is, whether or not it has left."""
    video_id = TRANSLATION.prepare(server, half_minute, "answered")
    path, headers = f"/api/videos/{video_id}/{TRANSLATION.start}", {"Idempotency-Key": video_id}
    first = server.http.post(path, json=TRANSLATION.body, headers=headers).raise_for_status()
    server.kill()
    server.start()
    again = server.http.post(path, json=TRANSLATION.body, headers=headers)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert len(jobs(server, video_id)) == 1


def test_an_upload_cut_short_by_a_kill_can_be_sent_again(server: LiveServer, half_minute: Path) -> None:
    content = half_minute.read_bytes()
    parts = httpx.Request("POST", server.url, files={"video": ("again.mp4", content)})
    body = parts.read()
    headers = {"Idempotency-Key": "cut short", "Content-Type": parts.headers["content-type"]}

    def cut_short() -> Iterator[bytes]:
        yield body[:100_000]
        server.wait(lambda: len(keys(server, "cut short")) == 1)
        server.kill()
        yield body[100_000:]

    with suppress(httpx.TransportError):
        server.http.post("/api/videos/upload", content=cut_short(), headers=headers)
    expire(server, "cut short")
    server.start()
    answer = server.http.post("/api/videos/upload", content=body, headers=headers)
    assert (answer.status_code, "idempotent-replayed" in answer.headers) == (201, False)


def test_work_whose_answer_was_lost_is_not_done_again(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    """Of a request that waits for its task: the task goes on, and nobody starts another."""
    video_id = translated_video(server, half_minute, "lost", lines=2)
    server.finished(SPEECH.begin(server, video_id))
    engines.fail(SPEECH.endpoint, Delay(600))
    path, headers = f"/api/videos/{video_id}/tts/es", {"Idempotency-Key": video_id}
    body = {"segment_ids": [0], "options": {"speaking_rate": 1.1}}

    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(server.http.post, path, json=body, headers=headers)
        server.wait(lambda: len(jobs(server, video_id)) == 2)
        server.kill()
        assert isinstance(lost.exception(), httpx.TransportError)
    engines.recover()
    expire(server, video_id)
    server.start()
    again = server.http.post(path, json=body, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_answer_lost")
    _, task = jobs(server, video_id)
    assert server.finished(task["job_id"])["status"] == "completed"


async def test_an_answer_still_to_come_goes_with_its_video(database: Database) -> None:
    """Of work that is done while its answer is not known yet: it is neither kept nor done again."""
    holder = Holder("usr_1 key", "use_1", "usr_1")
    async with database.write() as session:
        await take(session, holder, "POST /api/videos/vid_1/tts/es")
    async with database.write() as session:
        assert await keep(session, holder, "vid_1", None)
    async with database.write() as session:
        await forget_answers(session, IdempotencyKey.about == "vid_1")
    async with database.write() as session:
        assert not await keep(session, holder, "vid_1", KeptAnswer("hash", 200, {}, b"Hello."))
    async with database.read() as session:
        row = await session.get_one(IdempotencyKey, holder.key)
    assert (row.state, row.content) == (KeyState.LOST, None)


def keys(server: LiveServer, key: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(server.data_dir / "app.sqlite")) as database:
        return database.execute(
            "SELECT token FROM idempotency_keys WHERE key = ?", [f"home {key}"]
        ).fetchall()


def expire(server: LiveServer, key: str) -> None:
    """As if the hold on the key had run out since."""
    with closing(sqlite3.connect(server.data_dir / "app.sqlite")) as database, database:
        statement = "UPDATE idempotency_keys SET held_until = datetime('now', '-1 second') WHERE key = ?"
        assert database.execute(statement, [f"home {key}"]).rowcount == 1
