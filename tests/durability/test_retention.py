"""What is old is forgotten, and what is not stays."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.durability.stages import TRANSLATION, subtitled_video
from tests.event_stream import following
from tests.live_server import LiveServer
from tests.loopback.openai_server import LoopbackOpenAI

WORKFLOWS = "SELECT count(*) FROM workflow_status WHERE workflow_uuid = ?"
AGE = "datetime('now', '-31 days')"


def test_history_is_kept_for_a_month(server: LiveServer, engines: LoopbackOpenAI, half_minute: Path) -> None:
    video_id = subtitled_video(server, half_minute, "history", lines=4)
    before = newest_id(server)
    old, new = (ended_task(server, video_id, language) for language in ("es", "fr"))
    server.stop()
    with closing(sqlite3.connect(server.data_dir / "app.sqlite")) as rows, rows:
        (ticket,) = rows.execute("SELECT ticket FROM jobs WHERE id = ?", [old]).fetchone()
        (last_id,) = rows.execute("SELECT max(id) FROM events WHERE task_id = ?", [old]).fetchone()
        rows.execute(f"UPDATE jobs SET completed_at = {AGE} WHERE id = ?", [old])
        rows.execute(f"UPDATE events SET created_at = {AGE} WHERE id <= ?", [last_id])
    with closing(sqlite3.connect(server.data_dir / "jobs.sqlite")) as queue, queue:
        statement = "UPDATE workflow_status SET completed_at = completed_at - ? WHERE workflow_uuid = ?"
        assert queue.execute(statement, [31 * 24 * 3600 * 1000, ticket]).rowcount == 1

    server.start()
    server.wait(lambda: server.http.get(f"/api/tasks/{old}").status_code == 404)
    assert server.task(new)["status"] == "completed"
    assert len(TRANSLATION.lines(server, video_id)) == 4

    def is_forgotten() -> bool:
        with closing(sqlite3.connect(server.data_dir / "jobs.sqlite")) as queue:
            return bool(queue.execute(WORKFLOWS, [ticket]).fetchone() == (0,))

    server.wait(is_forgotten)
    with following(server, "/api/events", before, video_id=video_id) as events:
        assert next(events).name == "reset"
    with following(server, "/api/events", str(last_id), video_id=video_id) as events:
        assert next(events).task["task_id"] == new


def test_old_progress_is_thinned(server: LiveServer, engines: LoopbackOpenAI, half_minute: Path) -> None:
    video_id = subtitled_video(server, half_minute, "thinned", lines=40)
    before = newest_id(server)
    task_id = ended_task(server, video_id, "es")
    assert "task.progress" in kinds(server, task_id)
    server.stop()
    with closing(sqlite3.connect(server.data_dir / "app.sqlite")) as rows, rows:
        rows.execute("UPDATE events SET created_at = datetime('now', '-2 hours')")
    server.start()
    server.wait(lambda: "task.progress" not in kinds(server, task_id))
    assert kinds(server, task_id) == ["task.queued", "task.started", "task.completed"]
    with following(server, f"/api/tasks/{task_id}/events", before) as events:
        assert [event.task["status"] for event in events] == ["queued", "processing", "completed"]


def ended_task(server: LiveServer, video_id: str, language: str) -> str:
    path = f"/api/videos/{video_id}/translate-subtitles"
    return str(server.run(path, {"target_language": language})["task_id"])


def newest_id(server: LiveServer) -> str:
    with following(server, "/api/events", video_id="vid_of_nobody") as events:
        return str(next(events).id)


def kinds(server: LiveServer, task_id: str) -> list[str]:
    with closing(sqlite3.connect(server.data_dir / "app.sqlite")) as rows:
        query = "SELECT kind FROM events WHERE task_id = ? ORDER BY id"
        return [kind for (kind,) in rows.execute(query, [task_id])]
