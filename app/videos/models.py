"""Tables of videos and of what has been published for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import TypeAdapter
from sqlalchemy import JSON, BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now
from app.core.sealed_columns import SealedLabel
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
    filename: Mapped[str] = mapped_column(SealedLabel("videos.filename"))
    title: Mapped[str] = mapped_column(SealedLabel("videos.title"))
    description: Mapped[str | None] = mapped_column(SealedLabel("videos.description"))
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


@dataclass(frozen=True, slots=True)
class Source:
    """A track as it was when something was made from it. The original subtitles have no `language` here."""

    kind: ArtifactKind
    language: str | None
    revision: int


_SOURCES = TypeAdapter(tuple[Source, ...])


def sources_from_json(data: object) -> tuple[Source, ...]:
    return _SOURCES.validate_python(data)


def sources_to_json(sources: Sequence[Source]) -> list[dict[str, object]]:
    data: list[dict[str, object]] = _SOURCES.dump_python(tuple(sources), mode="json")
    return data


class Artifact(Base):
    """One line per thing made from a video, so that a video can list them without knowing who made them.

    `revision` grows with every change, and `made_from` tells of which revisions of others it was made.
    """

    __tablename__ = "artifacts"

    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[ArtifactKind] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(default=1)
    made_from: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
