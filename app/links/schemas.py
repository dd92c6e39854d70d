"""The shapes of links in the API."""

from typing import Annotated

from pydantic import Field

from app.core.schemas import Id, RequestModel, Response, Timestamp, Url, VideoId

LinkId = Annotated[
    Id, Field(description="Id of the link.", examples=["lnk_0199c3a4b5d67e8f90a1b2c3d4e5f607"])
]
Path = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        pattern=r"^[A-Za-z0-9_.~-][A-Za-z0-9_.~/-]*(\?[A-Za-z0-9_.~=&-]*)?$",
        description="Below the video: `file`, `preview`, `thumbnail`, `dubbed-videos/en/file`, "
        "`subtitles/original/download?format=srt` …",
        examples=["dubbed-videos/en/file"],
    ),
]


class NewLink(RequestModel):
    """Which file, and for how long."""

    path: Path
    expires_in: int = Field(default=3600, ge=1, le=7 * 24 * 3600, description="Seconds.")


class LinkDetails(Response):
    """A link that leads to one file of a video, without its signature."""

    link_id: LinkId
    video_id: VideoId
    path: str = Field(description="Below the video.", examples=["dubbed-videos/en/file"])
    created_at: Timestamp
    expires_at: Timestamp


class CreatedLink(LinkDetails):
    """For whoever is to see the file: no other credentials are needed."""

    url: Url


class LinkList(Response):
    """The links that still lead to files of a video."""

    links: list[LinkDetails] = Field(description="The oldest first.")
