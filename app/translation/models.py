"""Tables of the translations."""

from collections.abc import Container
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now
from app.core.sealed_columns import SealedJson, SealedLabel, SealedText


class Translation(Base):
    """The subtitles of a video in another language. `revision` grows with every change;
    `translation_model` is what was asked for and `model_used` what ran, both None for a track that a user
    brought. `title` is the video's title in that language. `untranslated`, `missed_terms` and `doubtful` are
    ids of lines to be looked at: `missed_terms` of those that lack the wording asked for."""

    __tablename__ = "translations"

    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True)
    target_language: Mapped[str] = mapped_column(primary_key=True)
    source_language: Mapped[str]
    translation_model: Mapped[str | None]
    model_used: Mapped[str | None]
    title: Mapped[str | None] = mapped_column(SealedLabel("translations.title"))
    untranslated: Mapped[list[int]] = mapped_column(JSON, default=list)
    missed_terms: Mapped[list[int]] = mapped_column(JSON, default=list)
    doubtful: Mapped[list[int]] = mapped_column(JSON, default=list)
    revision: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    def list_only(self, lines: Container[int]) -> None:
        """Takes all others off the lists of those to be looked at."""
        self.untranslated = [line for line in self.untranslated if line in lines]
        self.missed_terms = [line for line in self.missed_terms if line in lines]
        self.doubtful = [line for line in self.doubtful if line in lines]


class TranslationSegment(Base):
    """A line of a translation; times in seconds. `shorter` says the same in fewer words, and `speaker` is who
    a user set on it, None where that is the original's to tell."""

    __tablename__ = "translation_segments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["video_id", "language"],
            ["translations.video_id", "translations.target_language"],
            ondelete="CASCADE",
        ),
    )

    video_id: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    start_time: Mapped[float]
    end_time: Mapped[float]
    source_text: Mapped[str | None] = mapped_column(SealedText("translation_segments.source_text"))
    translated_text: Mapped[str] = mapped_column(SealedText("translation_segments.translated_text"))
    shorter: Mapped[list[str]] = mapped_column(SealedJson("translation_segments.shorter"), default=list)
    speaker: Mapped[str | None] = mapped_column(SealedText("translation_segments.speaker"))
