"""Events told to another server: signed, in order, again and again until they are received."""

import base64
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.api.conftest import bring_track
from tests.conftest import make_clip
from tests.event_stream import all_events
from tests.live_server import Json, LiveServer
from tests.loopback.openai_server import LoopbackOpenAI
from tests.webhooks.receiver import Receiver

STATES = ["task.queued", "task.started", "task.completed"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, openai_server: LoopbackOpenAI) -> Iterator[LiveServer]:
    """A server that may send to loopback."""
    data = tmp_path_factory.mktemp("webhooks") / "data"
    settings = {"OPENAI_BASE_URL": openai_server.url, "WEBHOOK_PRIVATE_ADDRESSES": "true"}
    with LiveServer(data, **settings) as server:
        yield server


@pytest.fixture(scope="module")
def video(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """With subtitles."""
    path = tmp_path_factory.mktemp("clip") / "short.mp4"
    make_clip(path, seconds=5, size="160x90")
    video_id = server.upload(path)
    bring_track(server, video_id, "original")
    return video_id


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def webhook(server: LiveServer, receiver: Receiver) -> Iterator[Json]:
    """One that leads to the receiver, as its creation was answered."""
    made = create(server, url=receiver.url)
    yield made
    server.http.delete(f"/api/webhooks/{made['webhook_id']}")


def create(server: LiveServer, **body: object) -> Json:
    answer = server.http.post("/api/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    assert answer.headers["location"] == f"/api/webhooks/{made['webhook_id']}"
    return made


def translate(server: LiveServer, video_id: str) -> Json:
    return server.run(f"/api/videos/{video_id}/translate-subtitles", {"target_language": "es"})


def deliveries(server: LiveServer, webhook: Json, **parameters: str) -> list[Json]:
    """Oldest first."""
    path = f"/api/webhooks/{webhook['webhook_id']}/deliveries"
    page = server.http.get(path, params=parameters).raise_for_status().json()
    return list(reversed(page["deliveries"]))


def wait_until_delivered(server: LiveServer, webhook: Json, count: int) -> None:
    server.wait(lambda: [d["status"] for d in deliveries(server, webhook)] == ["delivered"] * count, 20)


class TestSending:
    def test_the_events_of_a_task_in_their_order(
        self, server: LiveServer, receiver: Receiver, webhook: Json, video: str
    ) -> None:
        task = translate(server, video)
        wait_until_delivered(server, webhook, 3)
        messages = receiver.received
        assert [message.body["kind"] for message in messages] == STATES
        assert all(message.is_signed_with(webhook["secret"]) for message in messages)
        assert {message.path for message in messages} == {"/hooks?of=test"}
        assert messages[-1].body["task"] == task
        ids = [message.body["id"] for message in messages]
        told = all_events(server, f"/api/tasks/{task['task_id']}/events", str(int(ids[0]) - 1))
        streamed = {event.id: event.task for event in told}
        for message in messages:
            assert message.body["task"] == streamed[message.body["id"]]
        sent = deliveries(server, webhook)
        assert [(d["delivery_id"], d["event_id"]) for d in sent] == [(m.id, m.body["id"]) for m in messages]
        assert [[attempt["status"] for attempt in d["attempts"]] for d in sent] == [[204]] * 3

    def test_what_failed_is_sent_again_until_it_is_received(
        self, server: LiveServer, receiver: Receiver, webhook: Json, video: str
    ) -> None:
        receiver.answer_with(500)
        receiver.answer_with(503)
        translate(server, video)
        wait_until_delivered(server, webhook, 3)
        first, second, third = deliveries(server, webhook)
        statuses = [attempt["status"] for d in (first, second, third) for attempt in d["attempts"]]
        assert sorted(statuses) == [204, 204, 204, 500, 503]
        assert all(d["attempts"][-1]["status"] == 204 for d in (first, second, third))
        assert all(d["next_attempt_at"] is None for d in (first, second, third))
        assert all(message.is_signed_with(webhook["secret"]) for message in receiver.received)
        again = [message for message in receiver.received if message.id == first["delivery_id"]]
        assert len(again) == len(first["attempts"]) > 1
        assert len({message.content for message in again}) == 1

    def test_a_redirect_is_not_followed(
        self, server: LiveServer, receiver: Receiver, webhook: Json, video: str
    ) -> None:
        receiver.answer_with(307, Location=f"http://localhost:{receiver.port}/elsewhere")
        translate(server, video)
        wait_until_delivered(server, webhook, 3)
        assert deliveries(server, webhook)[0]["attempts"][0]["status"] == 307
        assert "/elsewhere" not in {message.path for message in receiver.received}

    def test_nobody_is_there(self, server: LiveServer, video: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        hook = create(server, url=f"http://127.0.0.1:{port}", events=["task.completed"])
        translate(server, video)
        server.wait(lambda: any(d["attempts"] for d in deliveries(server, hook)))
        (delivery,) = deliveries(server, hook)
        assert (delivery["status"], delivery["attempts"][0]["status"]) == ("pending", None)
        assert "ConnectError" in delivery["attempts"][0]["error"]
        assert delivery["next_attempt_at"] is not None
        server.http.delete(f"/api/webhooks/{hook['webhook_id']}").raise_for_status()

    def test_only_what_was_asked_for(self, server: LiveServer, receiver: Receiver, video: str) -> None:
        secret = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
        hook = create(server, url=receiver.url, events=["task.completed", "task.progress"], secret=secret)
        assert hook["secret"] == secret
        translate(server, video)
        server.wait(lambda: any(m.body["kind"] == "task.completed" for m in receiver.received))
        assert {m.body["kind"] for m in receiver.received} <= {"task.completed", "task.progress"}
        assert all(message.is_signed_with(secret) for message in receiver.received)
        server.http.delete(f"/api/webhooks/{hook['webhook_id']}").raise_for_status()

    def test_it_is_sent_again_on_demand(
        self, server: LiveServer, receiver: Receiver, webhook: Json, video: str
    ) -> None:
        translate(server, video)
        wait_until_delivered(server, webhook, 3)
        wanted = deliveries(server, webhook)[1]
        before = list(receiver.received)
        path = f"/api/webhooks/{webhook['webhook_id']}/deliveries/{wanted['delivery_id']}/replay"
        assert server.http.post(path).raise_for_status().json()["status"] == "pending"
        wait_until_delivered(server, webhook, 3)
        *_, again = receiver.received
        assert len(receiver.received) == len(before) + 1
        assert (again.id, again.content) == (before[1].id, before[1].content)

    def test_nothing_is_lost_while_the_server_is_down(
        self, server: LiveServer, receiver: Receiver, webhook: Json, video: str
    ) -> None:
        receiver.answer_with(500, times=2)
        translate(server, video)
        server.kill()
        server.start()
        wait_until_delivered(server, webhook, 3)
        kinds = {int(message.body["id"]): message.body["kind"] for message in receiver.received}
        assert [kind for _, kind in sorted(kinds.items())] == STATES


class TestManaging:
    def test_the_secret_is_shown_once(self, server: LiveServer, webhook: Json) -> None:
        path = f"/api/webhooks/{webhook['webhook_id']}"
        shown = server.http.get(path).json()
        assert shown == {name: value for name, value in webhook.items() if name != "secret"}
        assert shown in server.http.get("/api/webhooks").json()["webhooks"]
        assert shown["events"] == [
            "task.queued",
            "task.started",
            "task.completed",
            "task.failed",
            "task.cancelled",
        ]

    def test_deleting(self, server: LiveServer, receiver: Receiver) -> None:
        path = f"/api/webhooks/{create(server, url=receiver.url)['webhook_id']}"
        assert server.http.delete(path).status_code == 204
        for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/deliveries")):
            answer = server.http.request(method, path + rest)
            assert (answer.status_code, answer.json()["code"]) == (404, "webhook_not_found")

    def test_a_delivery_that_is_not_there(self, server: LiveServer, webhook: Json) -> None:
        path = f"/api/webhooks/{webhook['webhook_id']}/deliveries/dlv_1/replay"
        answer = server.http.post(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "delivery_not_found")

    def test_pages_and_states(
        self, server: LiveServer, receiver: Receiver, webhook: Json, video: str
    ) -> None:
        translate(server, video)
        wait_until_delivered(server, webhook, 3)
        path = f"/api/webhooks/{webhook['webhook_id']}/deliveries"
        first = server.http.get(path, params={"limit": 2}).json()
        rest = server.http.get(path, params={"limit": 2, "cursor": first["next_cursor"]}).json()
        kinds = [d["kind"] for d in first["deliveries"] + rest["deliveries"]]
        assert (kinds, rest["next_cursor"]) == (STATES[::-1], None)
        assert deliveries(server, webhook, status="failed") == []

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "url"),
            ({"url": "ftp://example.com"}, "url"),
            ({"url": "http://user:word@localhost/"}, "url"),
            ({"url": "http://nobody.invalid/"}, "url"),
            ({"url": "http://localhost", "events": []}, "events"),
            ({"url": "http://localhost", "events": ["task.exploded"]}, "events.0"),
            ({"url": "http://localhost", "secret": "whsec_c2hvcnQ="}, "secret"),
            ({"url": "http://localhost", "secret": "no secret at all"}, "secret"),
        ],
    )
    def test_what_is_no_webhook(self, server: LiveServer, body: Json, field: str) -> None:
        answer = server.http.post("/api/webhooks", json=body)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/hooks",
        "http://127.1/",
        "http://10.0.0.8/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://0.0.0.0/",
        "http://2130706433/",
    ],
)
def test_private_addresses_are_refused(api: LiveServer, url: str) -> None:
    answer: httpx.Response = api.http.post("/api/webhooks", json={"url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_refused")
    assert "WEBHOOK_PRIVATE_ADDRESSES" in answer.json()["next"]
