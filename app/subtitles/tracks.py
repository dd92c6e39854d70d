"""What the tracks of every language share over HTTP: formats, downloads, edits from JSON or a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.core.errors import ErrorCode, Problem
from app.storage.responses import attachment
from app.subtitles.cues import Cue
from app.subtitles.formatter import SubtitleFormat, parse, serialise
from app.subtitles.schemas import TrackUpdate
from app.subtitles.segments import Segment

MIME_TYPES: dict[SubtitleFormat, str] = {"srt": "application/x-subrip", "vtt": "text/vtt"}
FILE_TYPES: dict[str, SubtitleFormat] = {
    "text/vtt": "vtt",
    "application/x-subrip": "srt",
    "application/srt": "srt",
    "text/srt": "srt",
}
LONGEST_BODY = 10 * 1024**2

TRACK_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": TrackUpdate.model_json_schema(ref_template="#/components/schemas/{model}")
            },
            "text/vtt": {"schema": {"type": "string", "description": "A WebVTT file replaces the track."}},
            "application/x-subrip": {
                "schema": {"type": "string", "description": "A SubRip file replaces the track."}
            },
        },
    }
}


@dataclass(frozen=True, slots=True)
class TrackFile:
    """A subtitle file that is to replace a track."""

    cues: tuple[Cue, ...]


async def read_track_body(request: Request, language: str | None) -> TrackUpdate | TrackFile:
    """What a PUT carries, told by its content type. Raises `Problem` or `RequestValidationError`."""
    content_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    body = await _read_body(request)
    if content_type in FILE_TYPES:
        return TrackFile(parse(body, FILE_TYPES[content_type], language))
    if content_type != "application/json":
        accepted = "application/json, text/vtt, application/x-subrip"
        raise Problem(ErrorCode.UNSUPPORTED_MEDIA_TYPE, content_type=content_type, accepted=accepted)
    try:
        return TrackUpdate.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error


def check_etag(request: Request, current: str) -> None:
    """Raises `Problem(PRECONDITION_FAILED)` if If-Match names another state of the track."""
    wanted = request.headers.get("if-match")
    if (
        wanted is not None
        and wanted.strip() != "*"
        and current not in (tag.strip() for tag in wanted.split(","))
    ):
        raise Problem(ErrorCode.PRECONDITION_FAILED)


def segments_of(cues: Sequence[Cue]) -> tuple[Segment, ...]:
    return tuple(Segment(number, cue.start, cue.end, cue.text) for number, cue in enumerate(cues))


def file_response(
    segments: Sequence[Segment], file_format: SubtitleFormat, language: str, headers: dict[str, str]
) -> Response:
    """The track as a subtitle file; text is UTF-8."""
    cues = [Cue(segment.start, segment.end, segment.text) for segment in segments]
    content = serialise(cues, file_format, language)
    return Response(content.encode(), media_type=f"{MIME_TYPES[file_format]}; charset=utf-8", headers=headers)


def download_headers(title: str, language: str, extension: Literal["json", "srt", "vtt"]) -> dict[str, str]:
    return {"Content-Disposition": attachment(f"{title}.{language}.{extension}")}


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise Problem(ErrorCode.UPLOAD_TOO_LARGE, limit=LONGEST_BODY)
    return bytes(body)
