"""Tables of the generated speech."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, utc_now
from app.core.sealed_columns import SealedJson, SealedText
from app.media.audio import AudioFormat


class Speech(Base):
    """The voice track of a video in a language: `voice_id` speaks, and `voices` for the speakers it names.
    `objects` is the prefix of the files that are made from its lines when somebody asks for them.
    `duration` is the track's, in seconds."""

    __tablename__ = "tts"

    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    voice_id: Mapped[str]
    voices: Mapped[dict[str, str]] = mapped_column(SealedJson("tts.voices"), default=dict)
    model_used: Mapped[str]
    audio_format: Mapped[AudioFormat] = mapped_column(String)
    options: Mapped[dict[str, object]] = mapped_column(JSON)
    objects: Mapped[str]
    duration: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)


class SpeechSegment(Base):
    """A spoken line. `start_time` and `end_time` are its subtitle's, `placed_start` and `duration` its
    own; `moved`, `borrowed` and `overflow` as the timeline tells them. All in seconds. `delivery` is how
    it is spoken.

    `text` is what is said: the `translated_text` or fewer words for it. `clip` is the key of its sound as it
    is placed, None where the engine failed for the reason in `failure`. `natural_duration` is its length at
    the voice's own pace, `attempts` how often it was spoken for the sake of its length, `rewrites` how often
    it was put into fewer words, and `cost` what that came to, in US dollars, None where it is not known."""

    __tablename__ = "tts_segments"
    __table_args__ = (
        ForeignKeyConstraint(["video_id", "language"], ["tts.video_id", "tts.language"], ondelete="CASCADE"),
    )

    video_id: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    start_time: Mapped[float]
    end_time: Mapped[float]
    text: Mapped[str] = mapped_column(SealedText("tts_segments.text"))
    translated_text: Mapped[str | None] = mapped_column(SealedText("tts_segments.translated_text"))
    clip: Mapped[str | None] = mapped_column(index=True)
    natural_duration: Mapped[float | None]
    duration: Mapped[float]
    placed_start: Mapped[float]
    speed: Mapped[float]
    moved: Mapped[float]
    borrowed: Mapped[float]
    overflow: Mapped[float]
    delivery: Mapped[dict[str, object]] = mapped_column(SealedJson("tts_segments.delivery"))
    attempts: Mapped[int] = mapped_column(default=1)
    rewrites: Mapped[int] = mapped_column(default=0)
    cost: Mapped[float | None]
    failure: Mapped[dict[str, object] | None] = mapped_column(SealedJson("tts_segments.failure"))
