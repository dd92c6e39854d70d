"""The event log through kills and stops."""

import socket
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import httpx

from tests.durability.stages import TRANSLATION
from tests.durability.test_crash import begin_and_hold
from tests.event_stream import all_events, following
from tests.live_server import LiveServer
from tests.loopback.openai_server import LoopbackOpenAI


def test_nothing_is_left_out_or_told_twice_across_a_kill(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = TRANSLATION.prepare(server, half_minute, "followed")
    with following(server, "/api/events", video_id=video_id) as events:
        start = next(events)
    path = "/api/events"
    seen = []
    with suppress(httpx.TransportError), following(server, path, start.id, video_id=video_id) as events:
        task_id = begin_and_hold(TRANSLATION, server, engines, video_id)
        for event in events:
            seen.append(event)
            if event.task["progress"] > 50:
                server.kill()
    engines.recover()
    server.start()
    seen += all_events(server, f"/api/tasks/{task_id}/events", seen[-1].id)
    assert seen[-1].task["status"] == "completed"
    assert [event.id for event in seen] == logged_ids(server, task_id)


def test_open_streams_do_not_delay_a_stop(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = TRANSLATION.prepare(server, half_minute, "stopped while followed")
    task_id = begin_and_hold(TRANSLATION, server, engines, video_id)
    with (
        following(server, "/api/events") as everything,
        following(server, f"/api/tasks/{task_id}/events") as one,
    ):
        next(everything), next(one)
        before = server.log_size()
        assert server.stop() == 0
        assert "graceful shutdown exceeded" not in server.log(before)
        assert all(event.task["status"] == "processing" for event in [*everything, *one])


def test_who_leaves_in_the_middle_of_it_makes_no_error(
    server: LiveServer, engines: LoopbackOpenAI, half_minute: Path
) -> None:
    video_id = TRANSLATION.prepare(server, half_minute, "left")
    server.finished(TRANSLATION.begin(server, video_id))
    with closing(sqlite3.connect(server.data_dir / "app.sqlite")) as database, database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(events)") if row[1] != "id"]
        names = ", ".join(columns)
        for _ in range(8):
            database.execute(f"INSERT INTO events ({names}) SELECT {names} FROM events")
    before, host, port = server.log_size(), server.http.base_url.host, server.http.base_url.port
    request = f"GET /api/events HTTP/1.1\r\nHost: {host}:{port}\r\nLast-Event-ID: 0\r\n\r\n"
    for _ in range(20):
        with socket.create_connection((host, port or 80)) as reader:
            reader.sendall(request.encode())
            reader.recv(600)
    assert server.http.get("/healthz").status_code == 200
    assert "ERROR" not in server.log(before)


def logged_ids(server: LiveServer, task_id: str) -> list[str]:
    with closing(sqlite3.connect(server.data_dir / "app.sqlite")) as database:
        rows = database.execute("SELECT id FROM events WHERE task_id = ? ORDER BY id", [task_id])
        return [str(number) for (number,) in rows]
