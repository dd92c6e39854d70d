"""Tables of users, sign-ins and API keys. Of their secrets, only hashes are kept."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now


class User(Base):
    """`email` in lower case; `password` hashed by argon2id. An operator looks after the whole server, which
    does not let them into others' projects."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]
    is_operator: Mapped[bool] = mapped_column(default=False)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class SignIn(Base):
    """A browser that has signed in: a short access token, and one to draw the next with, each used once. All
    refresh tokens of a sign-in begin with the same `family`: whoever shows an old one holds a copy, and the
    sign-in ends. The one before, `former_refresh`, is good for moments after `refreshed_at`: two windows of a
    browser may draw at once."""

    __tablename__ = "sign_ins"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    access: Mapped[str] = mapped_column(unique=True)
    access_until: Mapped[datetime]
    refresh: Mapped[str] = mapped_column(unique=True)
    family: Mapped[str] = mapped_column(unique=True)
    former_refresh: Mapped[str | None]
    refreshed_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class ApiKey(Base):
    """`prefix` is the part of the secret that people may see. After a rotation, the `former` secret works
    until `former_until`. `project_id` where it leads into one project only."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    project_id: Mapped[str | None] = mapped_column(index=True)
    name: Mapped[str]
    prefix: Mapped[str]
    secret: Mapped[str] = mapped_column(unique=True)
    former: Mapped[str | None] = mapped_column(unique=True)
    former_until: Mapped[datetime | None]
    scopes: Mapped[list[str]] = mapped_column(JSON)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
