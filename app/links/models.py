"""The table of links: what is not in it any more was revoked."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now
from app.core.sealed_columns import SealedText


class Link(Base):
    """Leads to one file of a video, `target`: a path with its query, and is signed with its `secret`. It is
    good for as long as the user who made it may look at the video (nobody: until there are users), and the
    key they did it with is not revoked."""

    __tablename__ = "links"

    id: Mapped[str] = mapped_column(primary_key=True)
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    key_id: Mapped[str | None]
    target: Mapped[str]
    secret: Mapped[str] = mapped_column(SealedText("links.secret"))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
