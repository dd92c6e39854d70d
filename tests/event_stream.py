"""A client of server-sent events that looks at every line."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.live_server import Json, LiveServer


@dataclass(frozen=True, slots=True)
class Told:
    """One event; `id` and `data` as they were sent, None if they were not."""

    name: str | None
    id: str | None
    data: Json | None

    @property
    def task(self) -> Json:
        assert self.name == "task"
        assert self.data is not None
        return self.data


@contextmanager
def following(
    server: LiveServer, path: str, last_seen: str | None = None, **parameters: str
) -> Iterator[Iterator[Told]]:
    """The events of a stream as they come."""
    headers = {} if last_seen is None else {"Last-Event-ID": last_seen}
    with server.http.stream("GET", path, params=parameters, headers=headers) as stream:
        assert stream.status_code == 200, stream.read()
        assert stream.headers["content-type"].startswith("text/event-stream")
        yield _events(stream)


def all_events(server: LiveServer, path: str, last_seen: str | None = None) -> list[Told]:
    """Every event until the server ends the stream."""
    with following(server, path, last_seen) as events:
        return list(events)


def _events(stream: httpx.Response) -> Iterator[Told]:
    fields: dict[str, str] = {}
    for line in stream.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            assert name in ("", ":", "event", "id", "data"), line
            fields[name] = value
        elif fields:
            data = json.loads(fields["data"]) if "data" in fields else None
            yield Told(fields.get("event"), fields.get("id"), data)
            fields = {}
