"""A name is looked up once: what was checked is what is connected to."""

import asyncio
import socket
from typing import Any

import pytest

from app.webhooks.sender import Message, WebhookSender
from tests.webhooks.receiver import Receiver

PUBLIC, LOOPBACK = "8.8.8.8", "127.0.0.1"


class Names:
    """Answers for the resolver: one list of addresses after the other."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked = 0
        self._answers = answers

    async def getaddrinfo(self, host: str, port: int, **_: object) -> list[Any]:
        addresses = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in addresses]


def message(url: str) -> Message:
    return Message("dlv_1", url, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", b"{}")


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Any:
    def answer(*answers: list[str]) -> Names:
        names = Names(*answers)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo)
        return names

    return answer


async def test_a_name_that_became_private_is_not_connected_to(names: Any) -> None:
    """Whatever it was when the webhook was made."""
    names([LOOPBACK])
    with Receiver() as receiver:
        sender = WebhookSender(private=False)
        attempt = await sender.send(message(f"http://rebound.example:{receiver.port}/"))
        await sender.close()
    assert attempt.status is None
    assert "not a public address" in str(attempt.error)
    assert receiver.received == []


async def test_one_private_address_among_public_ones_is_enough(names: Any) -> None:
    names([PUBLIC, LOOPBACK])
    sender = WebhookSender(private=False)
    attempt = await sender.send(message("http://mixed.example/"))
    await sender.close()
    assert LOOPBACK in str(attempt.error)


async def test_the_name_is_looked_up_once_and_kept_as_host(names: Any) -> None:
    asked = names([LOOPBACK], [PUBLIC])
    with Receiver() as receiver:
        sender = WebhookSender(private=True)
        attempt = await sender.send(message(f"http://localhost:{receiver.port}/"))
        await sender.close()
    assert (attempt.status, asked.asked) == (204, 1)
