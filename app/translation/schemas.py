"""The shapes of translations in the API."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.core.languages import LanguageCode
from app.core.schemas import RequestModel, Response, Timestamp
from app.translation.engines.base import TranslationStyle

Term = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class TranslationOptions(RequestModel):
    """How to translate."""

    preserve_format: bool = Field(default=True, description="Keep line breaks and markup.")
    terminology: dict[Term, Term] | None = Field(
        default=None, max_length=500, examples=[{"인공지능": "Artificial Intelligence"}]
    )
    tone: Literal["formal", "conversational", "casual"] = "conversational"
    context: str | None = Field(default=None, max_length=2000, examples=["기술 교육 비디오"])

    def as_style(self) -> TranslationStyle:
        terms = tuple(sorted((self.terminology or {}).items()))
        return TranslationStyle(self.tone, self.context, terms, self.preserve_format)


class TranslateSubtitles(RequestModel):
    """Into which language, and how."""

    target_language: LanguageCode
    model: str = Field(
        default="gpt-4",
        max_length=100,
        pattern=r"^[A-Za-z0-9._:/-]+$",
        description="`gpt-4`, `gpt-3.5-turbo` or a model of the configured engine. "
        "The track's `model_used` tells what really ran.",
    )
    options: TranslationOptions = TranslationOptions()


class TranslatedLine(Response):
    """A segment of a translation; times in seconds."""

    id: int
    start: float
    end: float
    text: str
    original_text: str | None


class TranslationMetadata(Response):
    """Figures of a translation."""

    word_count: int
    segment_count: int
    total_duration: float
    created_at: Timestamp
    updated_at: Timestamp
    untranslated_segments: list[int] = Field(description="Lines that no attempt could translate.")


class TranslationTrack(Response):
    """The subtitles of a video in another language."""

    video_id: str
    source_language: str
    target_language: str
    translation_model: str | None = Field(
        description="The model asked for; null if a user brought the track."
    )
    model_used: str | None = Field(description="The model that really ran.")
    title: str | None = Field(description="The video's title in that language.")
    segments: list[TranslatedLine]
    metadata: TranslationMetadata
