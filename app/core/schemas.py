"""What all HTTP shapes share."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer


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
    Field(description="UTC, RFC 3339.", json_schema_extra={"format": "date-time"}),
]


class FieldError(Response):
    """One thing wrong with a request."""

    field: str = Field(description="Path of the field, for example `options.pitch`.")
    message: str
    type: str = Field(description="Stable name of the rule that was broken.")


class ProblemDetails(Response):
    """An error (RFC 9457), as `application/problem+json`."""

    type: str = Field(examples=["about:blank"])
    title: str
    status: int
    code: str = Field(description="Stable name of the error, for programs.", examples=["video_not_found"])
    detail: str
    next: str = Field(description="What to do about it.")
    instance: str | None = Field(default=None, description="The path that was asked for.")
    errors: list[FieldError] | None = None
