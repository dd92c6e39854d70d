"""The shapes of videos in the API."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.core.languages import LanguageOrAuto
from app.core.schemas import Linked, RequestModel, Response, Timestamp
from app.videos.models import VideoStatus

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class UploadMetadata(RequestModel):
    """What a client may say about a video it uploads."""

    title: Title | None = Field(default=None, description="Defaults to the file's name.")
    description: str | None = Field(default=None, max_length=5000)
    source_language: LanguageOrAuto = "auto"


class VideoSummary(Response):
    """A video, in short."""

    video_id: str = Field(examples=["vid_0199c3a4b5d67e8f90a1b2c3d4e5f607"])
    title: str
    duration: float = Field(description="Seconds.", examples=[180.5])
    resolution: str = Field(description="As shown, rotation applied.", examples=["1920x1080"])
    status: VideoStatus
    created_at: Timestamp
    source_language: str = Field(examples=["auto"])


class VideoPage(Response):
    """Videos, newest first; `next_cursor` leads to the next page and is null on the last."""

    videos: list[VideoSummary]
    next_cursor: str | None


class TrackLink(Linked):
    """Where a track or a dubbed version is."""

    language: str | None
    url: str


class SubtitleLinks(Response):
    """The subtitle tracks of a video."""

    original: TrackLink | None
    translations: list[TrackLink]


class VideoDetails(Linked):
    """A video with everything made from it."""

    video_id: str
    title: str
    description: str | None
    url: str = Field(description="The file itself.")
    thumbnail_url: str
    preview_url: str
    duration: float = Field(description="Seconds.")
    resolution: str
    status: VideoStatus
    created_at: Timestamp
    source_language: str
    detected_language: str | None
    filename: str
    file_size: int = Field(description="Bytes.")
    format: str
    subtitles: SubtitleLinks
    dubbed_versions: list[TrackLink]


class TrimRequest(RequestModel):
    """The part to keep, in seconds on the video's clock."""

    start_time: float = Field(ge=0, allow_inf_nan=False, examples=[10.5])
    end_time: float = Field(gt=0, allow_inf_nan=False, examples=[60.3])


class TrimmedVideo(Response):
    """A new video was cut from another; its file is ready when its task is completed."""

    video_id: str
    trimmed_video_id: str
    original_duration: float
    trimmed_duration: float
    start_time: float
    end_time: float
    status: str = Field(examples=["trimmed"])
    task_id: str = Field(description="The task that makes the file.")
