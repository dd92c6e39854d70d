"""The shapes of subtitles in the API."""

from typing import Annotated, Literal

from pydantic import Field

from app.core.languages import LanguageOrAuto
from app.core.schemas import (
    LATEST_SECOND,
    Duration,
    End,
    LanguageTag,
    RequestModel,
    Response,
    SegmentId,
    Start,
    Timestamp,
    VideoId,
    is_none,
)
from app.jobs.schemas import TaskTerms
from app.subtitles.cues import LONGEST_NAME
from app.subtitles.hallucinations import Reason
from app.subtitles.readability import ReadingRule
from app.subtitles.segments import SegmentChange
from app.videos.schemas import Revision

MOST_SEGMENTS = 20_000
TrackFormat = Literal["json", "srt", "vtt", "ass"]
WordCount = Annotated[
    int, Field(description="Characters in languages without blanks between words.", examples=[245])
]
SegmentCount = Annotated[int, Field(description="How many segments there are.", examples=[120])]
Partial = Annotated[
    Literal[True] | None,
    Field(
        exclude_if=is_none,
        description="There while the task that makes the track still runs, and only if asked for.",
    ),
]
ModelUsed = Annotated[
    str | None, Field(description="The model that really ran; null if a user brought the track.")
]


class SegmentationOptions(RequestModel):
    """How speech is cut into segments."""

    max_length: float = Field(default=30, gt=0, le=120, description="Longest segment, seconds.")
    min_silence: float = Field(
        default=0.5, ge=0, le=10, description="A pause this long ends a segment, seconds."
    )


class ExtractSubtitles(TaskTerms):
    """What to listen for."""

    language: LanguageOrAuto = "auto"
    model: str = Field(
        default="whisper-large-v2",
        max_length=100,
        pattern=r"^[A-Za-z0-9._:/-]+$",
        description="`whisper-small`, `whisper-medium`, `whisper-large-v2` or a model of the configured "
        "engine. The track's `model_used` tells what really ran.",
    )
    timestamp_granularity: Literal["segment", "word"] = Field(
        default="segment", description="`word` adds the time of every word to the segments."
    )
    temperature: float = Field(default=0.0, ge=0, le=1, description="Sampling temperature.")
    segments: SegmentationOptions = SegmentationOptions()


class SegmentUpdate(RequestModel):
    """A change to one segment: only what is given changes. An id that is not there adds a segment."""

    id: SegmentId
    start: float | None = Field(
        default=None,
        le=LATEST_SECOND,
        allow_inf_nan=False,
        description="Seconds on the video's clock.",
        examples=[0.0],
    )
    end: float | None = Field(
        default=None,
        le=LATEST_SECOND,
        allow_inf_nan=False,
        description="Seconds on the video's clock.",
        examples=[4.5],
    )
    text: str | None = Field(
        default=None, max_length=5000, description="What is said.", examples=["안녕하세요, 여러분!"]
    )
    speaker: str | None = Field(
        default=None,
        max_length=LONGEST_NAME,
        description="Who speaks; empty clears it, and has a translated line follow the original again.",
        examples=["Narrator"],
    )
    deleted: bool = Field(default=False, description="Remove the segment.")

    def as_change(self) -> SegmentChange:
        return SegmentChange(self.id, self.start, self.end, self.text, self.deleted, self.speaker)


class TrackUpdate(RequestModel):
    """The segments to change; all others stay as they are."""

    segments: list[SegmentUpdate] = Field(
        min_length=1, max_length=MOST_SEGMENTS, description="Only those that change, in any order."
    )


class TrackUpdated(Response):
    """The change is saved."""

    success: bool = Field(description="Always true.", examples=[True])
    message: str = Field(description="For people.", examples=["자막이 성공적으로 업데이트되었습니다."])


class WordTime(Response):
    """A spoken word."""

    start: Start
    end: End = Field(examples=[0.8])
    text: str = Field(description="Without blanks around it.", examples=["안녕하세요,"])
    probability: float | None = Field(description="0 to 1, where the engine tells.", examples=[0.97])


class SubtitleLine(Response):
    """A segment of the original track."""

    id: SegmentId
    start: Start
    end: End
    text: str = Field(
        description="May hold line breaks and the tags `<b>`, `<i>` and `<u>`.",
        examples=["안녕하세요, 여러분."],
    )
    confidence: float | None = Field(
        description="exp(average log probability), 0 to 1, where the engine tells it.", examples=[0.98]
    )
    speaker: str | None = Field(
        description="Who speaks, where a user or the engine told. An engine's label, such as `1A`, means "
        "one person within one stretch of the recording only, whose number it begins with.",
        examples=["1A"],
    )
    words: list[WordTime] | None = Field(
        default=None,
        exclude_if=is_none,
        description="There when `timestamp_granularity` was `word` and the text is as it was heard.",
    )


class LeftOutLine(Response):
    """What the engine wrote where, by the sound and by its own figures, nobody said it."""

    start: Start
    end: End
    text: str = Field(description="As the engine wrote it.", examples=["Thank you for watching!"])
    reason: Reason = Field(
        description="`silence`: there is no sound; `no_speech`: the sound is no speech; `repetition`: a "
        "loop; `rate`: nobody speaks that fast; `phantom_phrase`: one engines are known to make up."
    )


class TrackMetadata(Response):
    """Figures of a track."""

    word_count: WordCount
    segment_count: SegmentCount
    total_duration: Duration = Field(description="Seconds, of the video.")
    average_confidence: float | None = Field(
        description="Of the segments that have one; null if none has.", examples=[0.96]
    )
    estimated_times: bool = Field(
        description="Whether the engine told no times, so that they are estimated from where there is sound."
    )
    left_out: list[LeftOutLine] = Field(
        description="What the engine wrote but nobody said, in order of time."
    )


class SubtitleTrack(Response):
    """The original subtitles of a video."""

    video_id: VideoId
    language: LanguageTag = Field(examples=["ko"])
    detected_language: str | None = Field(
        description="What was heard; null if nothing was, or a user brought the track.", examples=["ko"]
    )
    whisper_model: str | None = Field(
        description="The model asked for; null if a user brought the track.", examples=["whisper-large-v2"]
    )
    model_used: ModelUsed = Field(examples=["whisper-1"])
    revision: Revision
    segments: list[SubtitleLine] = Field(description="In order of time.")
    metadata: TrackMetadata
    created_at: Timestamp
    updated_at: Timestamp
    partial: Partial = None


class ReadingLimits(Response):
    """What is readable in the track's language."""

    characters_per_line: int = Field(
        description="Full-width characters, of which others are half, in Korean, Chinese and Japanese.",
        examples=[42],
    )
    lines: int = Field(description="At once.", examples=[2])
    characters_per_second: float = Field(description="How fast people read.", examples=[17])
    least_seconds: float = Field(description="Shortest time on screen.", examples=[0.833])
    most_seconds: float = Field(description="Longest time on screen.", examples=[7])
    least_gap: float = Field(
        description="Seconds between two segments: two frames of the video.", examples=[0.08]
    )


class ReadabilityFinding(Response):
    """A rule that a segment breaks."""

    rule: ReadingRule = Field(description="Which one, for programs.")
    measured: float = Field(
        description="Characters, lines, characters per second or seconds, as the rule has it.", examples=[51]
    )
    limit: float = Field(description="What the rule allows, in the same unit.", examples=[42])
    other_id: int | None = Field(description="The segment after it, where the two are too close.")
    message: str = Field(description="For people.", examples=["한 줄이 51자입니다. 42자까지 들어갑니다."])


class UnreadableSegment(Response):
    """A segment and all that is wrong with it."""

    id: SegmentId
    findings: list[ReadabilityFinding] = Field(description="At least one.")


class ReadabilityCheck(Response):
    """How readable a track is."""

    language: LanguageTag = Field(examples=["ko"])
    rules: ReadingLimits
    findings_count: int = Field(description="In all segments.", examples=[3])
    segments: list[UnreadableSegment] = Field(description="Those that break a rule, in order of time.")


class FixTrack(RequestModel):
    """How to mend a track."""

    dry_run: bool = Field(default=False, description="Only tell what would change, and save nothing.")


class TrackFixed(Response):
    """What mending a track changed, or would change."""

    saved: bool = Field(description="False after a `dry_run`, and where there was nothing to mend.")
    added_segments: int = Field(description="Parts that were split off others.", examples=[4])
    removed_segments: int = Field(description="Segments that were joined to others.", examples=[2])
    rewrapped_segments: int = Field(description="The same words in other lines.", examples=[7])
    retimed_segments: int = Field(description="Shown for longer or shorter than before.", examples=[11])
    findings_before: int = Field(description="How many there were.", examples=[23])
    remaining: ReadabilityCheck = Field(description="What only other words or times could mend.")
