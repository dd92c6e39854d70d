"""Uploading a large file to a server process on loopback, against `cp`."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks.measuring import MIB, Comparison, cheapest, cost_in_process, cost_of_command
from tests.conftest import make_clip
from tests.live_server import DIRECTLY, LiveServer

RUNS = 3
BOUNDARY = "benchmark"
HEAD = (
    f"--{BOUNDARY}\r\n"
    'Content-Disposition: form-data; name="video"; filename="large.mp4"\r\n'
    "Content-Type: video/mp4\r\n\r\n"
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


def compare(sizes: Sequence[int]) -> Iterator[Comparison]:
    """For files of so many MiB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LiveServer(folder / "data", launcher=DIRECTLY) as server:
            for size in sizes:
                yield _compare(server, folder, size)


def _compare(server: LiveServer, folder: Path, size: int) -> Comparison:
    file = folder / "large.mp4"
    _write_video(file, size * MIB)
    # The clients cost next to nothing: what is measured is the server.
    uploads = [cost_in_process(server.pid, partial(_upload, server, file)) for _ in range(RUNS)]
    copies = [cost_of_command(["cp", "--reflink=never", file, folder / "copy"]) for _ in range(RUNS)]
    return Comparison(f"upload {size} MiB", cheapest(uploads), "cp", cheapest(copies), size, "MiB")


def _upload(server: LiveServer, file: Path) -> None:
    """And deletes it again, which takes a moment."""
    address = urlsplit(server.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=600)
    connection.putrequest("POST", "/api/videos/upload")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(HEAD) + file.stat().st_size + len(TAIL)))
    connection.endheaders(HEAD)
    with file.open("rb") as body:
        connection.sock.sendfile(body)
    connection.send(TAIL)
    video = json.loads(connection.getresponse().read())
    connection.close()
    server.http.delete(f"/api/videos/{video['video_id']}").raise_for_status()


def _write_video(path: Path, size: int) -> None:
    """A real video that is followed by padding, as its format allows."""
    make_clip(path, seconds=2)
    padding = size - path.stat().st_size
    block = bytes(range(256)) * 4096
    with path.open("ab") as file:
        file.write(padding.to_bytes(4, "big") + b"free")
        for start in range(8, padding, len(block)):
            file.write(block[: padding - start])
