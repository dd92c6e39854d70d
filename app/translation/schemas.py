"""The shapes of translations in the API."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.core.languages import LanguageCode
from app.core.schemas import (
    Duration,
    End,
    LanguageTag,
    RequestModel,
    Response,
    SegmentId,
    Start,
    Timestamp,
    VideoId,
)
from app.jobs.schemas import DoubtfulSegments, MissedTerms, TaskTerms, UntranslatedSegments
from app.subtitles.schemas import ModelUsed, Partial, SegmentCount, WordCount
from app.translation.engines.base import TranslationStyle
from app.videos.schemas import MadeFrom, Revision, Stale

Term = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class TranslationOptions(RequestModel):
    """How to translate."""

    preserve_format: bool = Field(
        default=True,
        description="Keep line breaks, tags, speaker dashes and ♪; otherwise lines are plain and on one row.",
    )
    terminology: dict[Term, Term] | None = Field(
        default=None,
        max_length=500,
        description="A glossary: terms of the source and the wording wanted for them, inflected or not. "
        "Lines that miss it are asked for again.",
        examples=[{"인공지능": "Artificial Intelligence", "머신러닝": "Machine Learning"}],
    )
    tone: Literal["formal", "conversational", "casual"] = Field(
        default="conversational", description="How the speakers talk to each other."
    )
    context: str | None = Field(
        default=None, max_length=2000, description="What the video is about.", examples=["기술 교육 비디오"]
    )

    def as_style(self) -> TranslationStyle:
        terms = tuple(sorted((self.terminology or {}).items()))
        return TranslationStyle(self.tone, self.context, terms, self.preserve_format)


class TranslateSubtitles(TaskTerms):
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
    """A segment of a translation."""

    id: SegmentId
    start: Start
    end: End
    text: str = Field(description="In the target language.", examples=["Hello everyone."])
    shorter: list[str] = Field(
        description="Wordings that say the same in fewer words, the longest first: a voice takes "
        "the longest that fits. An edit of `text` drops them.",
        examples=[["Hello all."]],
    )
    original_text: str | None = Field(
        description="The source line; null if a user brought the line and none is beside it.",
        examples=["안녕하세요, 여러분."],
    )
    speaker: str | None = Field(
        description="Who speaks: who was set on this line or else, as it is now, on the original's line at "
        "its time.",
        examples=["Anna"],
    )


class TranslationMetadata(Response):
    """Figures of a translation, and its lines to be looked at until somebody edits their text."""

    word_count: WordCount = Field(examples=[210])
    segment_count: SegmentCount
    total_duration: Duration = Field(description="Seconds, of the video.")
    created_at: Timestamp
    updated_at: Timestamp
    untranslated_segments: UntranslatedSegments
    missed_terms: MissedTerms
    doubtful_segments: DoubtfulSegments


class TranslationTrack(Response):
    """The subtitles of a video in another language."""

    video_id: VideoId
    source_language: LanguageTag = Field(examples=["ko"])
    target_language: LanguageTag
    translation_model: str | None = Field(
        description="The model asked for; null if a user brought the track.", examples=["gpt-4"]
    )
    model_used: ModelUsed = Field(examples=["gpt-5.4-mini"])
    title: str | None = Field(
        description="The video's title in that language; null if a user brought the track.",
        examples=["Video Title"],
    )
    revision: Revision
    stale: Stale
    made_from: MadeFrom
    segments: list[TranslatedLine] = Field(description="In order of time.")
    metadata: TranslationMetadata
    partial: Partial = None
