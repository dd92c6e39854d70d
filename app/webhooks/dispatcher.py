"""WebhookDispatcher: makes deliveries of events, and sends them until they are received or given up."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from random import SystemRandom
from typing import cast

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database, utc_now
from app.core.errors import Problem
from app.core.identifiers import new_id
from app.core.locales import catalogue
from app.core.settings import Locale
from app.jobs.events import TaskState, Topic, events_after, newest_event
from app.jobs.models import Event
from app.jobs.presenter import present_task
from app.projects.models import Holding
from app.webhooks import storage as rows
from app.webhooks.models import Delivery, DeliveryStatus, Webhook
from app.webhooks.schemas import DeliveryAttempt, WebhookMessage
from app.webhooks.sender import Message, WebhookSender

POLLING_SECONDS = 0.5
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 2 * 3600.0

logger = logging.getLogger(__name__)


class WebhookDispatcher:
    """Every process has one, and `process` is its name. The events of a webhook are turned into deliveries
    by whoever comes first, and one process at a time sends to it, in the order of the events; what has to
    be tried again does not hold up what follows. A message whose receipt was not noted before a crash is
    sent again."""

    def __init__(self, database: Database, sender: WebhookSender, process: str) -> None:
        self._database = database
        self._sender = sender
        self._process = process
        self._random = SystemRandom()
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._work: asyncio.Task[None] | None = None

    def launch(self) -> None:
        self._work = asyncio.create_task(self._keep_dispatching())

    async def close(self) -> None:
        """What is on its way is sent again by the next process."""
        tasks = [*self._sending.values(), *([self._work] if self._work else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._sender.close()

    async def _keep_dispatching(self) -> None:
        while True:
            try:
                await self._dispatch()
            except (SQLAlchemyError, Problem) as error:
                logger.warning("webhooks have to wait: %s", error)
            await asyncio.sleep(POLLING_SECONDS)

    async def _dispatch(self) -> None:
        async with self._database.read() as session:
            webhooks = await rows.all_webhooks(session)
        if webhooks:  # every look costs, and most servers have none
            await self._make_deliveries(webhooks)
            await self._begin_sending()

    async def _make_deliveries(self, webhooks: Sequence[Webhook]) -> None:
        async with self._database.read() as session:
            newest = await newest_event(session)
        for webhook in (each for each in webhooks if each.cursor < newest):
            async with self._database.write() as session:
                events = await events_after(session, webhook.cursor, Topic())
                if events and await rows.advance(session, webhook, events[-1].id):
                    session.add_all(_deliveries(webhook, await _its_own(session, webhook, events)))

    async def _begin_sending(self) -> None:
        async with self._database.read() as session:
            webhooks = await rows.webhooks_with_work(session, self._process)
        for webhook in webhooks:
            if webhook.id not in self._sending:
                self._sending[webhook.id] = asyncio.create_task(self._send_all(webhook))

    async def _send_all(self, webhook: Webhook) -> None:
        try:
            while (delivery := await self._next(webhook.id)) is not None:
                body = delivery.body.encode()
                message = Message(delivery.id, webhook.url, webhook.secret, body)
                await self._note(delivery.id, await self._sender.send(message))
            async with self._database.write() as session:
                await rows.let_go(session, webhook.id, self._process)
        except (SQLAlchemyError, Problem) as error:
            logger.warning("webhook %s has to wait: %s", webhook.id, error)
        finally:
            del self._sending[webhook.id]

    async def _next(self, webhook_id: str) -> Delivery | None:
        async with self._database.write() as session:
            if not await rows.hold(session, webhook_id, self._process):
                return None
            return await rows.next_due(session, webhook_id)

    async def _note(self, delivery_id: str, attempt: DeliveryAttempt) -> None:
        async with self._database.write() as session:
            delivery = await session.get(Delivery, delivery_id, with_for_update=True)
            if delivery is None:
                return
            delivery.attempts = [*delivery.attempts, attempt.model_dump(mode="json")]
            pause = timedelta(seconds=self._pause(len(delivery.attempts)))
            delivery.next_attempt_at = utc_now() + pause
            if attempt.status is not None and attempt.status // 100 == 2:
                delivery.status, delivery.next_attempt_at = DeliveryStatus.DELIVERED, None
            elif delivery.next_attempt_at > delivery.give_up_at:
                delivery.status, delivery.next_attempt_at = DeliveryStatus.FAILED, None

    def _pause(self, attempts: int) -> float:
        """Twice as long each time, and never the same for many: seconds."""
        longest = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** (attempts - 1))
        return self._random.uniform(longest / 2, longest)


async def _its_own(session: AsyncSession, webhook: Webhook, events: Sequence[Event]) -> list[Event]:
    """Those of the videos of its project."""
    named = {event.video_id for event in events}
    held = select(Holding.video_id).where(
        Holding.project_id == webhook.project_id, Holding.video_id.in_(named)
    )
    videos = set(await session.scalars(held))
    return [event for event in events if event.video_id in videos]


def _deliveries(webhook: Webhook, events: Sequence[Event]) -> list[Delivery]:
    return [
        Delivery(
            id=new_id("dlv"),
            webhook_id=webhook.id,
            event_id=event.id,
            kind=event.kind,
            task_id=event.task_id,
            body=_message(webhook, event).model_dump_json(),
            give_up_at=utc_now() + rows.PATIENCE,
        )
        for event in events
        if event.kind in webhook.kinds
    ]


def _message(webhook: Webhook, event: Event) -> WebhookMessage:
    texts = catalogue(cast("Locale", webhook.locale))
    task = present_task(TaskState.model_validate(event.task), webhook.base_url, texts)
    return WebhookMessage(id=str(event.id), kind=event.kind, created_at=event.created_at, task=task)
