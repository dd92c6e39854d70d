"""Uploads that break off."""

import socket
from pathlib import Path

from tests.durability.processes import files
from tests.live_server import LiveServer


def test_an_upload_broken_off_by_the_client_leaves_nothing_and_alarms_nobody(
    server: LiveServer, half_minute: Path
) -> None:
    before = files(server.data_dir)
    head = (
        "POST /api/videos/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + half_minute.read_bytes() + bytes(16 << 20))
        server.wait(lambda: files(server.data_dir) != before)
    server.wait(lambda: files(server.data_dir) == before, 5)
    assert "CRITICAL" not in server.log()
