"""Tables of videos and of what has been published for them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now
from app.media.probe import MediaInfo, info_from_json


class VideoStatus(StrEnum):
    """`processing` while its file is being cut, `failed` if that came to nothing, `processed` once something
    was made from it."""

    UPLOADED = "uploaded"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"


class ArtifactKind(StrEnum):
    """What later stages publish for a video."""

    SUBTITLES = "subtitles"
    TRANSLATION = "translation"
    SPEECH = "speech"
    DUB = "dub"


class Video(Base):
    """`path` is the key of its object, and None while a cut video's file is being made. `media` is what
    probing found, and `reference` the client's own name for it. `duration` in seconds, `file_size` in
    bytes."""

    __tablename__ = "videos"

    id: Mapped[str] = mapped_column(primary_key=True)
    filename: Mapped[str]
    title: Mapped[str]
    description: Mapped[str | None]
    source_language: Mapped[str]
    reference: Mapped[str | None] = mapped_column(index=True)
    detected_language: Mapped[str | None]
    duration: Mapped[float]
    file_size: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[str]
    resolution: Mapped[str]
    media: Mapped[dict[str, object]] = mapped_column(JSON)
    status: Mapped[VideoStatus] = mapped_column(default=VideoStatus.UPLOADED)
    path: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)

    @property
    def info(self) -> MediaInfo:
        return info_from_json(self.media)


class Artifact(Base):
    """One line per thing made from a video, so that a video can list them without knowing who made them."""

    __tablename__ = "artifacts"

    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[ArtifactKind] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
