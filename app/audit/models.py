"""The audit log: rows are added, and never changed or deleted. The database refuses both."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now


class Action(StrEnum):
    """What is written down."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_IN_STOLEN = "sign_in_stolen"
    SIGNED_OUT = "signed_out"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    USER_CREATED = "user_created"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    ACCOUNT_EXPORTED = "account_exported"
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere"
    USER_DELETED = "user_deleted"
    KEY_CREATED = "key_created"
    KEY_ROTATED = "key_rotated"
    KEY_REVOKED = "key_revoked"
    PROJECT_CREATED = "project_created"
    PROJECT_CHANGED = "project_changed"
    PROJECT_DELETED = "project_deleted"
    PROJECT_EXPORTED = "project_exported"
    MEMBER_CHANGED = "member_changed"
    MEMBER_REMOVED = "member_removed"
    LINK_CREATED = "link_created"
    LINK_REVOKED = "link_revoked"
    VIDEO_DELETED = "video_deleted"
    ORIGINAL_DOWNLOADED = "original_downloaded"


class AuditEntry(Base):
    """Somebody (`actor`: the id of a sign-in, key or link, or what else is known of them), at a network
    `address`, did something to the `target`. Ids outlive what they name."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    action: Mapped[Action]
    actor: Mapped[str | None] = mapped_column(index=True)
    user_id: Mapped[str | None] = mapped_column(index=True)
    project_id: Mapped[str | None] = mapped_column(index=True)
    target: Mapped[str | None]
    address: Mapped[str | None]
    details: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
