"""The table of dubbed videos."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now


class GeneratedVideo(Base):
    """A dubbed video, one per video and language. `path` is the key of its object, `objects` the prefix it
    is under; `duration` in seconds, `file_size` in bytes. `languages` are those of all its dubs, that of the
    first in `audio_language`."""

    __tablename__ = "generated_videos"
    __table_args__ = (UniqueConstraint("video_id", "audio_language"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    audio_language: Mapped[str]
    languages: Mapped[list[str]] = mapped_column(JSON, default=list)
    subtitle_language: Mapped[str | None]
    format: Mapped[str]
    resolution: Mapped[str]
    duration: Mapped[float]
    file_size: Mapped[int] = mapped_column(BigInteger)
    path: Mapped[str]
    thumbnail_path: Mapped[str]
    objects: Mapped[str]
    options: Mapped[dict[str, object]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
