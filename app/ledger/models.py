"""The tables of calls to engines: those that were answered, and those under way that have a limit."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now
from app.ledger.usage import UsageKind


class UsageEntry(Base):
    """One call that was answered. It outlives its task, its video and its project, which it names: what was
    paid was paid.

    `parent_id` is the task of which the task is a stage. `cost` in US dollars by the price of `price_date`,
    both None where there is no price; `audio_seconds` of what was heard or spoken. `day` in UTC.
    """

    __tablename__ = "usage"
    # What a project spends in a month is asked before each of its calls, and answered from the index alone.
    __table_args__ = (Index("ix_usage_project_id", "project_id", "day", "cost"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[str | None] = mapped_column(index=True)
    parent_id: Mapped[str | None] = mapped_column(index=True)
    video_id: Mapped[str | None] = mapped_column(index=True)
    project_id: Mapped[str | None]
    engine: Mapped[str]
    kind: Mapped[UsageKind] = mapped_column(String)
    model: Mapped[str]
    input_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    audio_seconds: Mapped[float | None]
    characters: Mapped[int | None]
    cost: Mapped[float | None]
    price_date: Mapped[date | None]
    day: Mapped[date] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Reservation(Base):
    """A call under way that a `process` makes for the task `account` of a project, and what it is expected to
    cost in US dollars. By the database's clock, it began at `created_at`."""

    __tablename__ = "reservations"

    id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(index=True)
    project_id: Mapped[str | None] = mapped_column(index=True)
    process: Mapped[str]
    cost: Mapped[float]
    created_at: Mapped[datetime]


class SpentSecond(Base):
    """What all processes began to spend in a `second`, of the Unix epoch by the database's clock."""

    __tablename__ = "spent_seconds"

    second: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    requests: Mapped[int]
    tokens: Mapped[int] = mapped_column(BigInteger)
