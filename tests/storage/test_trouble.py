"""What a bucket's refusals and silences are taken for."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.core.errors import ErrorCode, Problem
from app.storage.manager import StorageManager

NO_BUCKET = b"<Error><Code>NoSuchBucket</Code></Error>"
NO_KEY = b"<Error><Code>NoSuchKey</Code></Error>"
BAD_KEY = b"<Error><Code>InvalidAccessKeyId</Code></Error>"


class Refusal(ThreadingHTTPServer):
    """A store that answers everything in one way."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refuser)
        self.status = 500
        self.body = b""


class _Refuser(BaseHTTPRequestHandler):
    server: Refusal

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.server.body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _refuse  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Not at all."""


@pytest.fixture
def refusal() -> Iterator[Refusal]:
    with Refusal() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def storage(refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorageManager:
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{refusal.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return StorageManager(tmp_path, "test", "s3://objects/prefix")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, BAD_KEY, "HTTP 403 Forbidden (InvalidAccessKeyId)"),
        (401, b"", "HTTP 401 Unauthorized"),
        (404, NO_BUCKET, "HTTP 404 Not Found (NoSuchBucket)"),
    ],
)
async def test_what_does_not_pass_is_a_refusal(
    status: int, body: bytes, reason: str, refusal: Refusal, storage: StorageManager
) -> None:
    refusal.status, refusal.body = status, body
    for call in (storage.read_bytes("a"), storage.put_bytes("a", b""), storage.check()):
        with pytest.raises(Problem) as caught:
            await call
        assert caught.value.code is ErrorCode.STORAGE_REFUSED
        assert caught.value.details == {"reason": reason}
    with pytest.raises(Problem) as caught:  # the answer to HEAD has no body to tell by
        await storage.head("a")
    assert caught.value.code is ErrorCode.STORAGE_REFUSED


async def test_what_passes_is_an_outage(refusal: Refusal, storage: StorageManager) -> None:
    refusal.status = 503
    with pytest.raises(Problem) as caught:
        await storage.read_bytes("a")
    assert caught.value.code is ErrorCode.STORAGE_UNREACHABLE
    assert caught.value.status == 503


async def test_an_object_that_is_not_there_is_no_trouble(refusal: Refusal, storage: StorageManager) -> None:
    refusal.status, refusal.body = 404, NO_KEY
    with pytest.raises(FileNotFoundError):
        await storage.read_bytes("a")
