"""The tables of remembered results, and of those that are being made."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now


class MemoEntry(Base):
    """A result and when it was last of use; `size` in bytes. Making it cost so many US dollars and `seconds`,
    None where that is not known, and `hits` jobs had it for nothing since. It is about to be evicted from
    `condemned_at` on, unless somebody uses it first."""

    __tablename__ = "memo"

    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    size: Mapped[int]
    hits: Mapped[int] = mapped_column(default=0)
    cost: Mapped[float | None]
    seconds: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_used_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    condemned_at: Mapped[datetime | None] = mapped_column(index=True)


class MemoUse(Base):
    """That a result was made for a video, or used for it. What no other video has used goes with it."""

    __tablename__ = "memo_uses"

    key: Mapped[str] = mapped_column(primary_key=True)
    video_id: Mapped[str] = mapped_column(primary_key=True, index=True)


class MemoClaim(Base):
    """A result that a `process` is making. By the database's clock, the claim lapses at `until`."""

    __tablename__ = "memo_claims"

    key: Mapped[str] = mapped_column(primary_key=True)
    process: Mapped[str]
    until: Mapped[datetime]
