"""What all HTTP shapes share."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from app.core.errors import ErrorCode


class RequestModel(BaseModel):
    """A JSON body: wrong types and unknown fields are refused, never guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Response(BaseModel):
    """A JSON answer."""

    model_config = ConfigDict(frozen=True)


class Linked(Response):
    """An answer with `…url` fields. They are kept as paths and made absolute for the one who asks."""

    def with_base(self, base: str) -> Self:
        """Absolute URLs; `base` has no slash at its end."""
        links = {name: base + value for name, value in self if name.endswith("url") and value}
        return self.model_copy(update=links)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[
    datetime,
    PlainSerializer(_rfc3339, return_type=str),
    Field(
        description="UTC, RFC 3339.",
        examples=["2023-04-15T12:34:56.000Z"],
        json_schema_extra={"format": "date-time"},
    ),
]


Id = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
VideoId = Annotated[
    Id, Field(description="Id of the video.", examples=["vid_0199c3a4b5d67e8f90a1b2c3d4e5f607"])
]
TaskId = Annotated[
    Id, Field(description="Id of the task.", examples=["task_0199c3a4b5d67e8f90a1b2c3d4e5f607"])
]
ProjectId = Annotated[
    Id, Field(description="Id of the project.", examples=["prj_0199c3a4b5d67e8f90a1b2c3d4e5f607"])
]
SegmentId = Annotated[
    int,
    Field(ge=0, le=10_000_000, description="Id of the segment; ids are never renumbered.", examples=[0]),
]
# Longer than any video that is taken.
LATEST_SECOND = 1_000_000
LanguageTag = Annotated[str, Field(description="BCP 47.", examples=["en"])]
Duration = Annotated[float, Field(description="Seconds.", examples=[180.5])]
Start = Annotated[float, Field(description="Seconds on the video's clock.", examples=[0.0])]
End = Annotated[float, Field(description="Seconds on the video's clock.", examples=[4.5])]
Url = Annotated[
    str,
    Field(
        description="An absolute URL.",
        examples=["https://dub.example/api/videos/vid_0199c3a4b5d67e8f90a1b2c3d4e5f607"],
    ),
]


def is_none(value: object) -> bool:
    """For fields that are left out of an answer where there is nothing to say."""
    return value is None


Reference = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00-\x1f\x7f-\x9f]*$",
        description="The client's own name for it.",
        examples=["order-4711"],
    ),
]
ShownReference = Annotated[
    str | None,
    Field(
        default=None,
        exclude_if=is_none,
        description="The client's own name for it.",
        examples=["order-4711"],
    ),
]


class FieldError(Response):
    """One thing wrong with a request."""

    field: str = Field(description="Path of the field.", examples=["options.pitch"])
    message: str = Field(description="What is wrong with it, for people.")
    type: str = Field(
        description="Stable name of the rule that was broken, for programs.", examples=["less_than_equal"]
    )


class ProblemDetails(Response):
    """An error (RFC 9457), as `application/problem+json`, in Korean or English by `Accept-Language`."""

    type: str = Field(description="Always `about:blank`: `code` tells the kind.", examples=["about:blank"])
    title: str = Field(description="What went wrong, in short.")
    status: int = Field(description="The HTTP status.", examples=[404])
    code: ErrorCode = Field(description="Stable name of the error, for programs.")
    detail: str = Field(description="What went wrong, in full.")
    next: str = Field(description="What to do about it.")
    instance: str | None = Field(default=None, description="The path that was asked for.")
    errors: list[FieldError] | None = Field(default=None, description="The fields at fault, if any.")
