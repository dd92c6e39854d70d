"""Tables of the source-language subtitles."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now
from app.core.sealed_columns import SealedJson, SealedText

UNKNOWN_LANGUAGE = "und"


class Subtitles(Base):
    """The original track of a video. `revision` grows with every change; `whisper_model` is what was asked
    for and `model_used` what ran, both None for a track that a user brought. `left_out` is what an engine
    wrote where nobody spoke; where it told no times, the track `has_estimated_times`."""

    __tablename__ = "subtitles"

    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str]
    detected_language: Mapped[str | None]
    whisper_model: Mapped[str | None]
    model_used: Mapped[str | None]
    whisper_options: Mapped[dict[str, object]] = mapped_column(
        SealedJson("subtitles.whisper_options"), default=dict
    )
    has_estimated_times: Mapped[bool] = mapped_column(default=False)
    left_out: Mapped[list[dict[str, object]]] = mapped_column(SealedJson("subtitles.left_out"), default=list)
    revision: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)


class SubtitleSegment(Base):
    """A line of the original track; times in seconds."""

    __tablename__ = "subtitle_segments"

    video_id: Mapped[str] = mapped_column(
        ForeignKey("subtitles.video_id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    start_time: Mapped[float]
    end_time: Mapped[float]
    text: Mapped[str] = mapped_column(SealedText("subtitle_segments.text"))
    confidence: Mapped[float | None]
    speaker: Mapped[str | None] = mapped_column(SealedText("subtitle_segments.speaker"))
    words: Mapped[list[dict[str, object]]] = mapped_column(
        SealedJson("subtitle_segments.words"), default=list
    )
