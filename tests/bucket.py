"""A bucket on loopback: moto speaks S3's protocol."""

import socket
import subprocess
import sys
import time
from types import TracebackType
from typing import Self
from uuid import uuid4

import httpx

START_SECONDS = 60.0


class Bucket:
    """Gives out STORAGE_URLs while it is open, for whoever has the `environment`."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self._endpoint = f"http://127.0.0.1:{self._port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "ENCRYPTION_KEY": "bm8gc2VjcmV0IGF0IGFsbCwgZm9yIHRlc3RzIG9ubHk=",
        }

    def new(self) -> str:
        """A prefix under which nothing is yet."""
        return f"s3://objects/{uuid4().hex}"

    def unfinished_uploads(self) -> int:
        """What would lie there until the bucket's lifecycle removes it."""
        listing = httpx.get(f"{self._endpoint}/objects", params={"uploads": ""}).raise_for_status()
        return listing.text.count("<UploadId>")

    def start(self) -> None:
        """With nothing in it."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not self._made():
            assert self._process.poll() is None, "the S3 server did not start"
            assert time.monotonic() < deadline, "the S3 server is not ready"
            time.sleep(0.05)

    def stop(self) -> None:
        """Nobody answers at its address."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _made(self) -> bool:
        try:
            return httpx.put(f"{self._endpoint}/objects").is_success
        except httpx.TransportError:
            return False
