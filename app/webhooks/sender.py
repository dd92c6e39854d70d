"""One signed request to a webhook."""

import asyncio
import base64
import hmac
import time
from dataclasses import dataclass
from functools import cached_property

import httpx

from app.core.database import utc_now
from app.webhooks.addresses import CheckedTransport
from app.webhooks.schemas import SIGNING_PREFIX, DeliveryAttempt

TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, where to, and how it is signed. `id` is the same whenever it is sent."""

    id: str
    url: str
    secret: str
    body: bytes


class WebhookSender:
    """Follows no redirects, and goes to public addresses only unless `private` ones are wanted."""

    def __init__(self, *, private: bool) -> None:
        self._private = private

    async def send(self, message: Message) -> DeliveryAttempt:
        """What came of it; a failure is told, not raised."""
        at, begun = utc_now(), time.perf_counter()
        status, error = None, None
        try:
            async with asyncio.timeout(TIMEOUT):
                status = await self._post(message, int(at.timestamp()))
        except (httpx.HTTPError, TimeoutError) as failure:
            error = f"{type(failure).__name__}: {failure}".removesuffix(": ")
        seconds = round(time.perf_counter() - begun, 3)
        return DeliveryAttempt(at=at, status=status, seconds=seconds, error=error)

    async def close(self) -> None:
        await self._client.aclose()

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=CheckedTransport(private=self._private), timeout=TIMEOUT)

    async def _post(self, message: Message, timestamp: int) -> int:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "video-dubbing-server",
            "Webhook-Id": message.id,
            "Webhook-Timestamp": str(timestamp),
            "Webhook-Signature": signature(message, timestamp),
        }
        request = self._client.stream("POST", message.url, content=message.body, headers=headers)
        async with request as answer:  # whose body nobody reads
            return answer.status_code


def signature(message: Message, timestamp: int) -> str:
    """By the convention of the Standard Webhooks."""
    key = base64.b64decode(message.secret.removeprefix(SIGNING_PREFIX))
    signed = f"{message.id}.{timestamp}.".encode() + message.body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
