"""WebhookService: who is told what, and what they were told."""

import base64
import secrets
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import utc_now
from app.core.errors import ErrorCode, Problem
from app.core.identifiers import new_id
from app.core.paging import Page, PageRequest
from app.core.settings import Locale
from app.jobs.events import newest_event
from app.projects.service import held_project
from app.webhooks import storage as rows
from app.webhooks.addresses import AddressRefused, resolve
from app.webhooks.models import Delivery, DeliveryStatus, Webhook
from app.webhooks.schemas import SECRET_BYTES, SIGNING_PREFIX, NewWebhook


class WebhookService:
    """`private` tells whether webhooks may lead to addresses that are not public."""

    def __init__(self, *, private: bool) -> None:
        self._private = private

    async def create(
        self, session: AsyncSession, project_id: str, request: NewWebhook, base_url: str, locale: Locale
    ) -> Webhook:
        """It is told what happens from now on. Raises `Problem(WEBHOOK_REFUSED)` or
        `Problem(PROJECT_NOT_FOUND)`."""
        await self._check(request)
        await held_project(session, project_id, "project_id")
        webhook = Webhook(
            id=new_id("whk"),
            project_id=project_id,
            url=str(request.url),
            secret=request.secret or _new_secret(),
            kinds=list(dict.fromkeys(request.events)),
            base_url=base_url,
            locale=locale,
            cursor=await newest_event(session),
        )
        session.add(webhook)
        await session.flush()
        return webhook

    async def delete(self, session: AsyncSession, webhook_id: str) -> None:
        """With its deliveries."""
        await session.delete(await rows.get_webhook(session, webhook_id))

    async def deliveries(
        self,
        session: AsyncSession,
        webhook_id: str,
        paging: PageRequest,
        status: DeliveryStatus | None,
    ) -> Page[Delivery]:
        """Raises `Problem(WEBHOOK_NOT_FOUND)` or `Problem(INVALID_CURSOR)`."""
        await rows.get_webhook(session, webhook_id)
        found = await rows.list_deliveries(session, webhook_id, paging.rows, paging.before("dlv"), status)
        return paging.page(found, lambda delivery: delivery.id)

    async def replay(self, session: AsyncSession, webhook_id: str, delivery_id: str) -> Delivery:
        """Sent once more, whatever came of it before. Raises `Problem(WEBHOOK_NOT_FOUND)` or
        `Problem(DELIVERY_NOT_FOUND)`."""
        await rows.get_webhook(session, webhook_id)
        delivery = await rows.get_delivery(session, webhook_id, delivery_id)
        delivery.status = DeliveryStatus.PENDING
        delivery.next_attempt_at = utc_now()
        delivery.give_up_at = utc_now() + rows.PATIENCE
        await session.flush()
        return delivery

    async def _check(self, request: NewWebhook) -> None:
        """Told now rather than by a failed delivery; what counts is the address at each delivery."""
        url = urlsplit(str(request.url))
        if url.username or url.password:
            raise Problem(ErrorCode.WEBHOOK_REFUSED, field="url", reason="user:password@")
        try:
            await resolve(request.url.host or "", request.url.port or 443, private=self._private)
        except AddressRefused as error:
            raise Problem(ErrorCode.WEBHOOK_REFUSED, field="url", reason=str(error)) from error


def _new_secret() -> str:
    return SIGNING_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES.start)).decode()
