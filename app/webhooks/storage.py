"""The rows of webhooks and deliveries. What several processes may want to do is a guarded update."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import utc_now
from app.core.errors import ErrorCode, Problem
from app.webhooks.models import Delivery, DeliveryStatus, Webhook

HOLD = timedelta(seconds=30)
PATIENCE = timedelta(hours=24)


async def get_webhook(session: AsyncSession, webhook_id: str) -> Webhook:
    """Raises `Problem(WEBHOOK_NOT_FOUND)`."""
    webhook = await session.get(Webhook, webhook_id)
    if webhook is None:
        raise Problem(ErrorCode.WEBHOOK_NOT_FOUND, webhook_id=webhook_id)
    return webhook


async def all_webhooks(session: AsyncSession) -> Sequence[Webhook]:
    return (await session.scalars(select(Webhook).order_by(Webhook.id))).all()


async def webhooks_of(session: AsyncSession, shown: ColumnElement[bool]) -> Sequence[Webhook]:
    """Those that are `shown`, in the order they were made."""
    return (await session.scalars(select(Webhook).where(shown).order_by(Webhook.id))).all()


async def get_delivery(session: AsyncSession, webhook_id: str, delivery_id: str) -> Delivery:
    """Raises `Problem(DELIVERY_NOT_FOUND)`."""
    delivery = await session.get(Delivery, delivery_id)
    if delivery is None or delivery.webhook_id != webhook_id:
        raise Problem(ErrorCode.DELIVERY_NOT_FOUND, webhook_id=webhook_id, delivery_id=delivery_id)
    return delivery


async def list_deliveries(
    session: AsyncSession, webhook_id: str, limit: int, before: str | None, status: DeliveryStatus | None
) -> Sequence[Delivery]:
    """Newest first; `before` is the id of the last one of the page before."""
    query = select(Delivery).where(Delivery.webhook_id == webhook_id)
    if before is not None:
        query = query.where(Delivery.id < before)
    if status is not None:
        query = query.where(Delivery.status == status)
    return (await session.scalars(query.order_by(Delivery.id.desc()).limit(limit))).all()


async def advance(session: AsyncSession, webhook: Webhook, cursor: int) -> bool:
    """Past events whose deliveries are made in this transaction. False if another process has done so."""
    statement = update(Webhook).where(Webhook.id == webhook.id, Webhook.cursor == webhook.cursor)
    return await _changes(session, statement.values(cursor=cursor))


async def webhooks_with_work(session: AsyncSession, holder: str) -> Sequence[Webhook]:
    """Those that something is due for and that nobody else sends to."""
    now = utc_now()
    due = select(Delivery.webhook_id).where(
        Delivery.status == DeliveryStatus.PENDING, Delivery.next_attempt_at <= now
    )
    free = (Webhook.held_until <= now) | (Webhook.holder == holder)
    query = select(Webhook).where(free, Webhook.id.in_(due))
    return (await session.scalars(query)).all()


async def hold(session: AsyncSession, webhook_id: str, holder: str) -> bool:
    """Sending to the webhook is the holder's alone for the time of `HOLD`, or again for as long. False if
    it is another's."""
    now = utc_now()
    free = (Webhook.held_until <= now) | (Webhook.holder == holder)
    statement = update(Webhook).where(Webhook.id == webhook_id, free)
    return await _changes(session, statement.values(holder=holder, held_until=now + HOLD))


async def let_go(session: AsyncSession, webhook_id: str, holder: str) -> None:
    statement = update(Webhook).where(Webhook.id == webhook_id, Webhook.holder == holder)
    await session.execute(statement.values(holder=None, held_until=utc_now()))


async def next_due(session: AsyncSession, webhook_id: str) -> Delivery | None:
    """The oldest delivery that is to be tried now."""
    query = select(Delivery).where(
        Delivery.webhook_id == webhook_id,
        Delivery.status == DeliveryStatus.PENDING,
        Delivery.next_attempt_at <= utc_now(),
    )
    return (await session.scalars(query.order_by(Delivery.event_id).limit(1))).first()


async def forget_deliveries(session: AsyncSession, before: datetime) -> None:
    """Those made before then, unless they are still being tried."""
    old = delete(Delivery).where(Delivery.created_at < before, Delivery.status != DeliveryStatus.PENDING)
    await session.execute(old)


async def _changes(session: AsyncSession, statement: Any) -> bool:
    result = cast("CursorResult[Any]", await session.execute(statement))
    return result.rowcount == 1
