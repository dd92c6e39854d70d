"""Tables of webhooks and of what is sent to them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now
from app.core.sealed_columns import SealedJson, SealedLongText, SealedText
from app.jobs.models import EventKind


class DeliveryStatus(StrEnum):
    """`pending` until it was received, or given up as `failed`."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(Base):
    """It is told of the tasks of a project. `cursor` is the last event that deliveries were made of. Links
    and texts are those of the request that made the webhook: `base_url`, `locale`. One process at a time
    sends to it: the `holder`, until `held_until`."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(index=True)
    url: Mapped[str] = mapped_column(SealedText("webhooks.url"))
    secret: Mapped[str] = mapped_column(SealedText("webhooks.secret"))
    kinds: Mapped[list[str]] = mapped_column(JSON)
    base_url: Mapped[str]
    locale: Mapped[str]
    cursor: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[str | None]
    held_until: Mapped[datetime] = mapped_column(default=utc_now)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Delivery(Base):
    """One event for one webhook: the `body` as it is sent each time. `attempts` are `DeliveryAttempt`s as
    JSON."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (Index("ix_webhook_deliveries_due", "status", "next_attempt_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"), index=True)
    event_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[EventKind]
    task_id: Mapped[str]
    body: Mapped[str] = mapped_column(SealedLongText("webhook_deliveries.body"))
    status: Mapped[DeliveryStatus] = mapped_column(default=DeliveryStatus.PENDING)
    attempts: Mapped[list[dict[str, object]]] = mapped_column(
        SealedJson("webhook_deliveries.attempts"), default=list
    )
    next_attempt_at: Mapped[datetime | None] = mapped_column(default=utc_now)
    give_up_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
