"""A server on loopback that takes webhooks, and checks them by its own reading of the Standard Webhooks."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.live_server import Json


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came in."""

    id: str
    timestamp: str
    signatures: list[str]
    content: bytes
    path: str

    @property
    def body(self) -> Json:
        body: Json = json.loads(self.content)
        return body

    def is_signed_with(self, secret: str) -> bool:
        scheme, _, encoded = secret.partition("_")
        assert scheme == "whsec"
        mac = hmac.new(base64.b64decode(encoded), digestmod=hashlib.sha256)
        for part in (self.id.encode(), b".", self.timestamp.encode(), b".", self.content):
            mac.update(part)
        expected = "v1," + base64.b64encode(mac.digest()).decode()
        is_fresh = abs(time.time() - int(self.timestamp)) < 30
        return is_fresh and any(hmac.compare_digest(expected, given) for given in self.signatures)


class Receiver:
    """A context manager; `url` is where to send to. Answers 204 unless told otherwise by `answer_with`."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._planned: deque[tuple[int, dict[str, str]]] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.port = self._server.server_address[1]
        self.url = f"http://localhost:{self.port}/hooks?of=test"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer_with(self, status: int, times: int = 1, **headers: str) -> None:
        """What the next messages meet."""
        self._planned.extend([(status, headers)] * times)

    def forget(self) -> None:
        self.received.clear()
        self._planned.clear()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Host"] == f"localhost:{receiver.port}"
                receiver.received.append(
                    Received(
                        self.headers["Webhook-Id"],
                        self.headers["Webhook-Timestamp"],
                        self.headers["Webhook-Signature"].split(" "),
                        content,
                        self.path,
                    )
                )
                status, headers = receiver._planned.popleft() if receiver._planned else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Not needed."""

        return Handler
