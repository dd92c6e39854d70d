"""The shapes of videos in the API."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from app.core.languages import LanguageOrAuto
from app.core.schemas import (
    LATEST_SECOND,
    Duration,
    LanguageTag,
    ProjectId,
    Reference,
    RequestModel,
    Response,
    ShownReference,
    TaskId,
    Timestamp,
    Url,
    VideoId,
)
from app.core.text import OneLine, without_controls
from app.jobs.schemas import TaskTerms
from app.videos.models import ArtifactKind, VideoStatus

Title = Annotated[
    OneLine,
    StringConstraints(min_length=1, max_length=300),
    Field(description="For people.", examples=["비디오 제목"]),
]
Resolution = Annotated[
    str, Field(description="Width and height in pixels as shown, rotation applied.", examples=["1920x1080"])
]
SourceLanguage = Annotated[
    str, Field(description="As given at the upload: a BCP 47 code, or `auto`.", examples=["auto"])
]


class Origin(Response):
    """A track that something was made from."""

    kind: ArtifactKind = Field(description="Which track.", examples=["translation"])
    language: LanguageTag | None = Field(description="Its language; null for the original subtitles.")
    revision: int = Field(description="Its revision at that time.", examples=[3])
    newest: int = Field(description="Its revision now.", examples=[4])


Revision = Annotated[int, Field(description="Grows with every change.", examples=[3])]
Stale = Annotated[
    bool,
    Field(description="Whether something it was made from has changed since."),
]
MadeFrom = Annotated[list[Origin], Field(description="Empty where a user brought it or it is not known.")]


class UploadMetadata(RequestModel):
    """What a client may say about a video it uploads."""

    title: Title | None = Field(default=None, description="Defaults to the file's name.")
    description: Annotated[str, AfterValidator(without_controls)] | None = Field(
        default=None, max_length=5000, description="Whatever people should know about it."
    )
    source_language: LanguageOrAuto = "auto"
    reference: Reference | None = Field(default=None, description="A name of your own for the video.")
    project_id: ProjectId | None = Field(
        default=None, description="Where it goes; defaults to your oldest project."
    )


class VideoSummary(Response):
    """A video, in short."""

    video_id: VideoId
    title: Title
    duration: Duration
    resolution: Resolution
    status: VideoStatus
    created_at: Timestamp
    source_language: SourceLanguage
    reference: ShownReference = None


class VideoPage(Response):
    """Videos, newest first; `next_cursor` leads to the next page and is null on the last."""

    videos: list[VideoSummary] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="For `cursor`; null on the last page.")


class TrackLink(Response):
    """Where a track or a dubbed version is."""

    language: LanguageTag
    url: Url
    revision: Revision
    stale: Stale


class SubtitleLinks(Response):
    """The subtitle tracks of a video."""

    original: TrackLink | None = Field(description="Null until they are extracted or brought.")
    translations: list[TrackLink] = Field(description="By language.")


class VideoDetails(Response):
    """A video with everything made from it."""

    video_id: VideoId
    project_id: ProjectId
    title: Title
    description: str | None = Field(description="As given at the upload.", examples=["비디오 설명"])
    url: Url = Field(description="The file itself.")
    thumbnail_url: Url = Field(description="A JPEG, made when it is first asked for.")
    preview_url: Url = Field(description="A small MP4 of the first minute, made when it is first asked for.")
    duration: Duration
    resolution: Resolution
    status: VideoStatus
    created_at: Timestamp
    source_language: SourceLanguage
    reference: ShownReference = None
    detected_language: str | None = Field(
        description="What was heard; null until the subtitles are extracted.", examples=["ko"]
    )
    filename: str = Field(description="As it was uploaded.", examples=["talk.mp4"])
    file_size: int = Field(description="Bytes.", examples=[25600000])
    format: str = Field(description="The container, whatever the file calls itself.", examples=["mp4"])
    subtitles: SubtitleLinks
    dubbed_versions: list[TrackLink] = Field(description="By language; the URL downloads the video.")


class TrimRequest(TaskTerms):
    """The part to keep, in seconds on the video's clock."""

    start_time: float = Field(
        ge=0, le=LATEST_SECOND, allow_inf_nan=False, description="Seconds.", examples=[10.5]
    )
    end_time: float = Field(
        gt=0,
        le=LATEST_SECOND,
        allow_inf_nan=False,
        description="Seconds; at least 0.1 after the start, and not beyond the video's end.",
        examples=[60.3],
    )


class TrimmedVideo(Response):
    """A new video was cut from another; its file is ready when its task is completed."""

    video_id: VideoId = Field(description="The video that was cut from.")
    trimmed_video_id: VideoId = Field(description="The new video.")
    original_duration: Duration
    trimmed_duration: Duration = Field(examples=[49.8])
    start_time: float = Field(description="Seconds.", examples=[10.5])
    end_time: float = Field(description="Seconds.", examples=[60.3])
    status: Literal["trimmed"] = Field(description="Always `trimmed`.")
    task_id: TaskId = Field(description="The task that makes the file.")
