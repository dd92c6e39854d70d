"""What attacks are made with: a server, a secret beside it, and a listener that nobody has to call."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest

from tests.live_server import LiveServer


@dataclass(frozen=True, slots=True)
class Bait:
    """What an attack would like to reach: a file with a `mark` in it, and an address that counts calls."""

    secret: Path
    mark: str
    url: str
    calls: list[str]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of the module's own, on the built-in engines."""
    with LiveServer(tmp_path_factory.mktemp("target") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def bait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bait]:
    secret = tmp_path_factory.mktemp("private") / "secret.txt"
    secret.write_text("hush-4711 " * 100)
    calls: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        counting = Thread(target=_count, args=(listener, calls), daemon=True)
        counting.start()
        yield Bait(secret, "hush-4711", f"http://127.0.0.1:{port}", calls)
        listener.shutdown(socket.SHUT_RDWR)
        counting.join()


def _count(listener: socket.socket, calls: list[str]) -> None:
    while True:
        try:
            caller, address = listener.accept()
        except OSError:
            return
        calls.append(str(address))
        caller.close()
