"""What happens to tasks, told as it happens and again to those who were away."""

from collections.abc import Callable, Iterator
from itertools import takewhile

import pytest

from tests.api.walk import Walk
from tests.event_stream import Told, all_events, following
from tests.live_server import FINAL, Json, LiveServer
from tests.loopback.faults import Delay
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI


def translate(api: LiveServer, video_id: str, language: str = "es") -> str:
    """The id of the task."""
    path = f"/api/videos/{video_id}/translate-subtitles"
    answer = api.http.post(path, json={"target_language": language}).raise_for_status()
    return str(answer.json()["task_id"])


def newest_id(api: LiveServer) -> str:
    """Where the log ends by now."""
    with following(api, "/api/events", video_id="vid_of_nobody") as events:
        told = next(events)
    assert (told.name, told.data) == (None, None)
    assert told.id is not None
    return told.id


@pytest.fixture
def subtitled(video: str, own_lines: Callable[[str], tuple[str, str]]) -> str:
    own_lines("original")
    return video


def states(events: list[Told]) -> list[str]:
    """The statuses that follow one another."""
    seen = [event.task["status"] for event in events]
    return [now for before, now in zip([None, *seen], seen, strict=False) if now != before]


class TestOneTask:
    def test_everything_is_told_again_from_any_event_on(self, api: LiveServer, subtitled: str) -> None:
        before = newest_id(api)
        task_id = translate(api, subtitled)
        api.finished(task_id)
        path = f"/api/tasks/{task_id}/events"
        events = all_events(api, path, before)
        assert states(events) == ["queued", "processing", "completed"]
        assert events[-1].task == api.task(task_id)
        ids = [int(event.id or 0) for event in events]
        assert ids == sorted(set(ids))
        for number, event in enumerate(events[:-1]):
            assert all_events(api, path, event.id) == events[number + 1 :]

    def test_there_is_nothing_after_the_end(self, api: LiveServer, walk: Walk) -> None:
        """204 keeps a browser from connecting again and again."""
        path = f"/api/tasks/{walk.json('dub task')['task_id']}/events"
        (event,) = all_events(api, path)
        answer = api.http.get(path, headers={"Last-Event-ID": str(event.id)})
        assert (answer.status_code, answer.content) == (204, b"")

    def test_a_retry_is_told_to_who_saw_the_end(
        self, api: LiveServer, openai_server: LoopbackOpenAI, subtitled: str
    ) -> None:
        openai_server.fail(Endpoint.CHAT, Delay(60), times=4)
        task_id = translate(api, subtitled)
        api.waited_for(task_id, lambda task: task["status"] == "processing")
        path = f"/api/tasks/{task_id}/events"
        with following(api, path) as events:
            api.http.post(f"/api/tasks/{task_id}/cancel").raise_for_status()
            last = list(events)[-1]
        assert last.task["status"] == "cancelled"
        openai_server.forget()
        api.http.post(f"/api/tasks/{task_id}/retry").raise_for_status()
        assert states(all_events(api, path, last.id)) == ["queued", "processing", "completed"]

    @pytest.mark.parametrize("last_seen", ["999999999", "yesterday", "-1"])
    def test_an_id_that_is_not_of_the_log(self, api: LiveServer, walk: Walk, last_seen: str) -> None:
        task = walk.json("dub task")
        path = f"/api/tasks/{task['task_id']}/events"
        with following(api, path, last_seen) as events:
            reset, present = events
        assert (reset.name, reset.id, reset.data) == ("reset", None, {})
        assert present.task == task


class TestEveryTask:
    def test_whatever_happens_is_told(self, api: LiveServer, subtitled: str) -> None:
        with following(api, "/api/events", video_id=subtitled) as events:
            start = next(events)
            tasks = [translate(api, subtitled, language) for language in ("es", "fr")]
            told = until_ended(events, tasks)
        for task_id in tasks:
            its = [event for event in told if event.task["task_id"] == task_id]
            assert states(its) == ["queued", "processing", "completed"]
            assert its[-1].task == api.task(task_id)
        with following(api, "/api/events", start.id, video_id=subtitled) as events:
            assert [next(events) for _ in told] == told

    def test_it_begins_with_the_active_tasks(
        self, api: LiveServer, openai_server: LoopbackOpenAI, subtitled: str
    ) -> None:
        openai_server.fail(Endpoint.CHAT, Delay(60), times=8)
        tasks = [translate(api, subtitled, language) for language in ("es", "fr")]
        for task_id in tasks:
            api.waited_for(task_id, lambda task: task["status"] == "processing")
        with following(api, "/api/events", video_id=subtitled) as events:
            first, second = next(events), next(events)
            assert [first.task["task_id"], second.task["task_id"]] == tasks
            # To go on from the first would leave the second out.
            assert first.id is None
            assert second.id is not None
            for task_id in tasks:
                api.http.post(f"/api/tasks/{task_id}/cancel").raise_for_status()
            ends = [event.task for event in until_ended(events, tasks) if is_final(event.task)]
            assert [(task["task_id"], task["status"]) for task in ends] == [
                (task_id, "cancelled") for task_id in tasks
            ]

    def test_other_videos_are_left_out(self, api: LiveServer, subtitled: str) -> None:
        start = newest_id(api)
        api.finished(translate(api, subtitled))
        with following(api, "/api/events", start) as events:
            everything = list(takewhile(lambda event: event.task["status"] not in FINAL, events))
        assert subtitled in {event.task["video_id"] for event in everything}
        assert int(newest_id(api)) > int(start)

    def test_the_end_of_a_task_whose_video_is_deleted(
        self, api: LiveServer, openai_server: LoopbackOpenAI, subtitled: str
    ) -> None:
        openai_server.fail(Endpoint.CHAT, Delay(60), times=4)
        task_id = translate(api, subtitled)
        with following(api, "/api/events", video_id=subtitled) as events:
            api.http.delete(f"/api/videos/{subtitled}").raise_for_status()
            (cancelled,) = [event for event in until_ended(events, [task_id]) if is_final(event.task)]
        assert cancelled.task["status"] == "cancelled"


def until_ended(events: Iterator[Told], tasks: list[str]) -> list[Told]:
    """What comes until all the tasks are final."""
    told, open_tasks = [], set(tasks)
    while open_tasks:
        event = next(events)
        told.append(event)
        if is_final(event.task):
            open_tasks.discard(event.task["task_id"])
    return told


def is_final(task: Json) -> bool:
    return task["status"] in FINAL
