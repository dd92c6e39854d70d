"""The table of keys."""

from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now
from app.core.sealed_columns import SealedBytes, SealedJson

KEPT = timedelta(hours=24)


class KeyState(Enum):
    """How far the request of a key has come. `LOST` is one that was carried out by a process that died before
    it could keep the answer."""

    FREE = auto()
    RUNNING = auto()
    ANSWERED = auto()
    LOST = auto()


class IdempotencyKey(Base):
    """A key in use or used. `token` names the request that holds it until `held_until`. `committed` is set in
    the transaction of the work itself, with the answer if it is known by then. `target` is method, path and
    query; `body` is the hash of what was sent. `user_id` is whose request it is, and `about` the id of the
    video, project or user that it is about."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str | None] = mapped_column(index=True)
    about: Mapped[str | None] = mapped_column(index=True)
    target: Mapped[str]
    token: Mapped[str]
    held_until: Mapped[datetime]
    committed: Mapped[bool] = mapped_column(default=False)
    body: Mapped[str | None]
    status: Mapped[int | None]
    headers: Mapped[dict[str, str] | None] = mapped_column(SealedJson("idempotency_keys.headers"))
    content: Mapped[bytes | None] = mapped_column(SealedBytes("idempotency_keys.content"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)

    @property
    def state(self) -> KeyState:
        now = utc_now()
        if self.created_at < now - KEPT:
            return KeyState.FREE
        if self.status is not None:
            return KeyState.ANSWERED
        if self.held_until > now:
            return KeyState.RUNNING
        return KeyState.LOST if self.committed else KeyState.FREE
