"""The shape of a dub's report, as it is kept and as the API gives it."""

from pydantic import Field

from app.core.schemas import Duration, LanguageTag, Response, SegmentId

REPORT, PLOT = "report.json", "report.svg"
"""Their names under the prefix of the dub's objects."""

Seconds = float


class SegmentReport(Response):
    """A line as it was planned and as it is heard in the finished file."""

    id: SegmentId
    planned_start: Seconds = Field(description="Start of its subtitle, seconds.", examples=[4.5])
    planned_end: Seconds = Field(description="End of its subtitle, seconds.", examples=[7.2])
    placed_start: Seconds = Field(description="Where its speech was placed, seconds.", examples=[4.5])
    moved: Seconds = Field(
        description="How much later than its subtitle it was placed on purpose, seconds; negative: earlier.",
        examples=[0.0],
    )
    measured_onset: Seconds | None = Field(
        description="Where its speech is heard to begin, seconds; null if it is not heard.", examples=[4.515]
    )
    measured_end: Seconds | None = Field(
        description="Where its speech is heard to end, seconds; null if it is not heard.", examples=[7.031]
    )
    onset_error: Seconds | None = Field(
        description="`measured_onset` less `placed_start`, seconds.", examples=[0.015]
    )
    speed: float = Field(description="1 is as the voice spoke it.", examples=[1.08])
    borrowed: Seconds = Field(
        description="How far it runs into the silence after its subtitle, seconds.", examples=[0.0]
    )
    overflow: Seconds = Field(
        description="How much it has beyond that, or of the time of lines before it, seconds.", examples=[0.0]
    )
    attempts: int = Field(description="How often it was spoken for the sake of its length.", examples=[1])
    rewrites: int = Field(description="How often it was put into fewer words.", examples=[0])
    loudness: float | None = Field(
        description="Of all that is heard while it is spoken, LUFS; null if it is not heard.",
        examples=[-16.4],
    )
    cost: float | None = Field(description="US dollars; null if not known.", examples=[0.0004])
    failed: bool = Field(description="Whether it could not be spoken: the original is heard instead.")
    truncated: bool = Field(description="Whether its beginning or its end is missing.")


class OnsetErrors(Response):
    """How far the speech begins from where it was placed, regardless of direction, in seconds."""

    mean: Seconds = Field(description="The mean.", examples=[0.012])
    p95: Seconds = Field(description="19 of 20 lines are this near or nearer.", examples=[0.018])
    worst: Seconds = Field(description="The worst.", examples=[0.021])


class SubtitleErrors(Response):
    """How far the speech begins from its subtitle's start, moved on purpose or not, either way."""

    p95: Seconds = Field(description="19 of 20 lines are this near or nearer, seconds.", examples=[0.021])
    worst: Seconds = Field(description="The worst, seconds.", examples=[0.287])
    beyond_40_ms: int = Field(description="How many lines are off by more than 40 ms.", examples=[3])
    max_shift: Seconds = Field(
        description="How late a line might begin where lines crowd, seconds.", examples=[0.3]
    )
    beyond_max_shift: int = Field(description="How many lines are off by more than that.", examples=[0])


class Speeds(Response):
    """How fast the lines are spoken, 1 being as the voice spoke them."""

    highest: float = Field(description="The fastest line's.", examples=[1.24])
    gentle_share: float = Field(description="The share of lines at 1.2 or slower, 0 to 1.", examples=[0.98])


class TrackReport(Response):
    """The dub in one language: an audio track of the file."""

    language: LanguageTag
    duration_difference: Seconds = Field(
        description="How much longer the track is than the source, seconds.", examples=[0.0]
    )
    lufs: float | None = Field(
        description="Integrated loudness (BS.1770), LUFS; null for silence.", examples=[-16.1]
    )
    true_peak: float | None = Field(description="dBTP; null for silence.", examples=[-1.4])
    onset_error: OnsetErrors | None = Field(description="Null if no line is heard.")
    subtitle_error: SubtitleErrors | None = Field(
        default=None, description="Null if no line is heard, or measured by an older version."
    )
    speed: Speeds | None = Field(description="Null if no line was spoken.")
    overlaps: int = Field(description="How many lines begin before the one before has ended.", examples=[0])
    truncations: int = Field(description="How many lines have a part missing.", examples=[0])
    overflowing_segments: list[SegmentId] = Field(description="Lines that run beyond what was theirs.")
    failed_segments: list[SegmentId] = Field(description="Lines that could not be spoken.")
    unheard_segments: list[SegmentId] = Field(
        description="Lines that were spoken but are not found in the file, as under a loud original."
    )
    cost: float | None = Field(description="Of all lines, US dollars; null if not known.", examples=[0.06])
    segments: list[SegmentReport] = Field(description="In order of time.")


class DubReport(Response):
    """How well a dub keeps to its plan, measured from the sound of the finished file."""

    duration: Duration
    source_duration: Duration
    duration_difference: Seconds = Field(
        description="`duration` less `source_duration`, seconds.", examples=[0.0]
    )
    picture_difference: Seconds | None = Field(
        description="How much longer the picture is than the source's, seconds; null if not known.",
        examples=[0.0],
    )
    cost: float | None = Field(description="Of all tracks, US dollars; null if not known.", examples=[0.06])
    tracks: list[TrackReport] = Field(description="One for each language, in the file's order.")
