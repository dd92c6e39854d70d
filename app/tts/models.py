"""Tables of the generated speech."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now
from app.media.audio import AudioFormat


class Speech(Base):
    """The voice track of a video in a language. `track_path` is the key of the lossless mono track on the
    video's clock, `audio_path` that of what a client downloads, `objects` the prefix of both and of the
    segments' files. `duration` is the track's, in seconds."""

    __tablename__ = "tts"

    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    voice_id: Mapped[str]
    model_used: Mapped[str]
    audio_format: Mapped[AudioFormat] = mapped_column(String)
    options: Mapped[dict[str, object]] = mapped_column(JSON)
    objects: Mapped[str]
    track_path: Mapped[str]
    audio_path: Mapped[str]
    duration: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)


class SpeechSegment(Base):
    """A spoken line. `start_time` and `end_time` are its subtitle's, `placed_start` and `duration` its
    own; `moved`, `borrowed` and `overflow` as the timeline tells them. All in seconds. `delivery` is how
    it is spoken."""

    __tablename__ = "tts_segments"
    __table_args__ = (
        ForeignKeyConstraint(["video_id", "language"], ["tts.video_id", "tts.language"], ondelete="CASCADE"),
    )

    video_id: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    start_time: Mapped[float]
    end_time: Mapped[float]
    text: Mapped[str]
    audio_path: Mapped[str]
    duration: Mapped[float]
    placed_start: Mapped[float]
    speed: Mapped[float]
    moved: Mapped[float]
    borrowed: Mapped[float]
    overflow: Mapped[float]
    delivery: Mapped[dict[str, object]] = mapped_column(JSON)
