"""The shapes of subtitles in the API."""

from typing import Literal

from pydantic import Field

from app.core.languages import LanguageOrAuto
from app.core.schemas import RequestModel, Response, Timestamp
from app.subtitles.segments import SegmentChange

TrackFormat = Literal["json", "srt", "vtt"]


class SegmentationOptions(RequestModel):
    """How speech is cut into segments."""

    max_length: float = Field(default=30, gt=0, le=120, description="Longest segment, seconds.")
    min_silence: float = Field(
        default=0.5, ge=0, le=10, description="A pause this long ends a segment, seconds."
    )


class ExtractSubtitles(RequestModel):
    """What to listen for."""

    language: LanguageOrAuto = "auto"
    model: str = Field(
        default="whisper-large-v2",
        max_length=100,
        pattern=r"^[A-Za-z0-9._:/-]+$",
        description="`whisper-small`, `whisper-medium`, `whisper-large-v2` or a model of the configured engine. "
        "The track's `model_used` tells what really ran.",
    )
    timestamp_granularity: Literal["segment", "word"] = "segment"
    temperature: float = Field(default=0.0, ge=0, le=1)
    segments: SegmentationOptions = SegmentationOptions()


class SegmentUpdate(RequestModel):
    """A change to one segment: only what is given changes. An id that is not there adds a segment."""

    id: int = Field(ge=0, le=10_000_000)
    start: float | None = Field(default=None, allow_inf_nan=False, description="Seconds.")
    end: float | None = Field(default=None, allow_inf_nan=False, description="Seconds.")
    text: str | None = Field(default=None, max_length=5000)
    deleted: bool = Field(default=False, description="Remove the segment.")

    def as_change(self) -> SegmentChange:
        return SegmentChange(self.id, self.start, self.end, self.text, self.deleted)


class TrackUpdate(RequestModel):
    """The segments to change; all others stay as they are."""

    segments: list[SegmentUpdate] = Field(min_length=1, max_length=20_000)


class TrackUpdated(Response):
    """The change is saved."""

    success: bool = True
    message: str = Field(examples=["자막이 성공적으로 업데이트되었습니다."])


class WordTime(Response):
    """A spoken word; times in seconds."""

    start: float
    end: float
    text: str
    probability: float | None


class SubtitleLine(Response):
    """A segment of the original track; times in seconds."""

    id: int
    start: float
    end: float
    text: str
    confidence: float | None = Field(description="0 to 1, where the engine tells.")
    words: list[WordTime] | None = Field(
        default=None, description="There when `timestamp_granularity` was `word`."
    )


class TrackMetadata(Response):
    """Figures of a track."""

    word_count: int
    segment_count: int
    total_duration: float
    average_confidence: float | None


class SubtitleTrack(Response):
    """The original subtitles of a video."""

    video_id: str
    language: str
    detected_language: str | None
    whisper_model: str | None = Field(description="The model asked for; null if a user brought the track.")
    model_used: str | None = Field(description="The model that really ran.")
    segments: list[SubtitleLine]
    metadata: TrackMetadata
    created_at: Timestamp
    updated_at: Timestamp
