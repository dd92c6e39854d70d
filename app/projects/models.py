"""Tables of projects and their members."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.caller import ALL_SCOPES, Scope
from app.core.database import Base, utc_now

# Where everything is as long as the server has no users; then it is the first one's.
HOME = "prj_00000000000000000000000000000000"


class Role(StrEnum):
    """What a member may do: look, or also change and run, or also say who may."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"


SCOPES_OF = {
    Role.VIEWER: frozenset({Scope.VIDEOS_READ}),
    Role.EDITOR: frozenset({Scope.VIDEOS_READ, Scope.VIDEOS_WRITE, Scope.JOBS_RUN}),
    Role.OWNER: ALL_SCOPES,
}


class Project(Base):
    """Its quotas; None is no limit. `most_bytes` stored, `most_minutes` of media processed and `most_cost` in
    US dollars spent in a calendar month (UTC), `most_jobs` at once."""

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    most_bytes: Mapped[int | None] = mapped_column(BigInteger)
    most_minutes: Mapped[float | None]
    most_cost: Mapped[float | None]
    most_jobs: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Member(Base):
    """A user in a project."""

    __tablename__ = "members"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[Role]
    since: Mapped[datetime] = mapped_column(default=utc_now)


class Holding(Base):
    """Which project a video is in, its length in `seconds` and what is stored for it in `bytes`. It is kept
    when the video is gone: its events and what it cost are not."""

    __tablename__ = "holdings"

    video_id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    seconds: Mapped[float]
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)


class HeldObject(Base):
    """An object that is stored for a video, under its `key`, and counts in the `bytes` of the holding."""

    __tablename__ = "held_objects"

    key: Mapped[str] = mapped_column(primary_key=True)
    video_id: Mapped[str] = mapped_column(index=True)
    bytes: Mapped[int] = mapped_column(BigInteger)


class ProcessedMedia(Base):
    """The `seconds` of media that a project's tasks have worked on in a calendar month (UTC: `2026-11`)."""

    __tablename__ = "processed_media"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    month: Mapped[str] = mapped_column(primary_key=True)
    seconds: Mapped[float]
