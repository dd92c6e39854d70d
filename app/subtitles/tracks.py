"""What the tracks of every language share over HTTP: formats, downloads, edits from JSON or a file."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.core.errors import ErrorCode, Problem
from app.core.openapi import COMPONENT, ETAG, Json, Responses
from app.core.schemas import VideoId
from app.storage.responses import attachment, client_has
from app.subtitles.cues import Cue
from app.subtitles.formatter import SubtitleFormat, parse, serialise
from app.subtitles.schemas import MOST_SEGMENTS, TrackFormat, TrackUpdate
from app.subtitles.segments import Segment

MIME_TYPES: dict[SubtitleFormat, str] = {
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "ass": "text/x-ssa",
}
# The specification's: a browser is to save it, whatever it plays.
DOWNLOAD_TYPES: dict[SubtitleFormat, str] = {"srt": "text/plain", "vtt": "text/vtt", "ass": "text/x-ssa"}
FILE_TYPES: dict[str, SubtitleFormat] = {
    "text/vtt": "vtt",
    "application/x-subrip": "srt",
    "application/srt": "srt",
    "text/srt": "srt",
    "text/x-ssa": "ass",
    "text/x-ass": "ass",
}
STALE_MARK = '-stale"'

SRT_EXAMPLE = "1\n00:00:00,000 --> 00:00:04,500\n안녕하세요, 여러분.\n"
VTT_EXAMPLE = "WEBVTT\n\n00:00:00.000 --> 00:00:04.500\n안녕하세요, 여러분.\n"
ASS_EXAMPLE = "Dialogue: 0,0:00:00.00,0:00:04.50,Default,,0,0,0,,안녕하세요, 여러분."
FILES: Json = {
    MIME_TYPES["vtt"]: {"schema": {"type": "string"}, "example": VTT_EXAMPLE},
    MIME_TYPES["srt"]: {"schema": {"type": "string"}, "example": SRT_EXAMPLE},
}
ASS_FILE: Json = {MIME_TYPES["ass"]: {"schema": {"type": "string"}, "example": ASS_EXAMPLE}}
TRACK_BODY: Json = {
    "requestBody": {
        "required": True,
        "description": "JSON changes the segments it names; a file replaces the track, or creates it.",
        "content": {
            "application/json": {"schema": {"$ref": COMPONENT.format(model=TrackUpdate.__name__)}},
            **FILES,
            **ASS_FILE,
        },
    }
}
TRACK: Responses = {200: {"description": "The track.", "content": FILES | ASS_FILE, "headers": ETAG}}
TRACK_SAVED: Responses = {200: {"headers": ETAG}}
TRACK_REFUSALS = (
    ErrorCode.VIDEO_NOT_FOUND,
    ErrorCode.PRECONDITION_FAILED,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.INVALID_SUBTITLE_FILE,
    ErrorCode.SEGMENT_OVERLAP,
    ErrorCode.SEGMENT_TIMES_INVALID,
    ErrorCode.SEGMENT_NOT_FOUND,
    ErrorCode.SEGMENT_INCOMPLETE,
    ErrorCode.SEGMENT_BEYOND_VIDEO,
    ErrorCode.SEGMENT_DUPLICATED,
)
FIX_REFUSALS = (
    ErrorCode.VIDEO_NOT_FOUND,
    ErrorCode.PRECONDITION_FAILED,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
)

Format = Annotated[TrackFormat, Query(description="As what to get it.")]
Bilingual = Annotated[bool, Query(description="In a subtitle file, the source line below the translation.")]
SoFar = Annotated[
    bool,
    Query(alias="partial", description="While a task makes the track, what it has finished of it so far."),
]
FileFormat = Annotated[SubtitleFormat, Query(description="As what to get it.")]
IfMatch = Annotated[
    str | None,
    Header(
        max_length=1000,
        description="The track's `ETag`: the change is refused (412) if it is no longer the newest.",
    ),
]


@dataclass(frozen=True, slots=True)
class TrackFile:
    """A subtitle file that is to replace a track."""

    cues: tuple[Cue, ...]


def track_download(model: type[BaseModel] | None = None) -> Responses:
    """What a route answers that sends a track as a file; `model` is its JSON, if it has one."""
    name = {"Content-Disposition": {"description": "The file's name.", "schema": {"type": "string"}}}
    content: Json = {
        DOWNLOAD_TYPES["srt"]: {"schema": {"type": "string"}, "example": SRT_EXAMPLE},
        DOWNLOAD_TYPES["vtt"]: {"schema": {"type": "string"}, "example": VTT_EXAMPLE},
        **ASS_FILE,
    }
    if model is not None:
        content["application/json"] = {"schema": {"$ref": COMPONENT.format(model=model.__name__)}}
    return {200: {"description": "The file.", "content": content, "headers": ETAG | name}}


async def refuse_bilingual(
    video_id: VideoId,
    bilingual: Annotated[
        bool, Query(description="Only a translation can be: this track is refused.")
    ] = False,
) -> None:
    """Before a track that has one language. Raises `Problem(BILINGUAL_UNAVAILABLE)`."""
    if bilingual:
        raise Problem(ErrorCode.BILINGUAL_UNAVAILABLE, field="bilingual", video_id=video_id)


async def read_track_body(request: Request, language: str | None) -> TrackUpdate | TrackFile:
    """What a PUT carries, told by its content type. Raises `Problem` or `RequestValidationError`."""
    content_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    body = await request.body()
    if content_type in FILE_TYPES:
        cues = await asyncio.to_thread(parse, body, FILE_TYPES[content_type], language)
        if len(cues) > MOST_SEGMENTS:
            reason = f"more than {MOST_SEGMENTS} cues"
            raise Problem(ErrorCode.INVALID_SUBTITLE_FILE, line=1, reason=reason)
        return TrackFile(cues)
    if content_type != "application/json":
        accepted = "application/json, text/vtt, application/x-subrip, text/x-ssa"
        raise Problem(ErrorCode.UNSUPPORTED_MEDIA_TYPE, content_type=content_type, accepted=accepted)
    try:
        return await asyncio.to_thread(TrackUpdate.model_validate_json, body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error


def check_etag(if_match: str | None, current: str | None) -> None:
    """Raises `Problem(PRECONDITION_FAILED)` if `if_match` names another state of the track, which has the
    ETag `current`, or None where there is no track."""
    if if_match is None:
        return
    wanted = {tag.strip().replace(STALE_MARK, '"') for tag in if_match.split(",")}
    if current is None or not wanted & {current, "*"}:
        raise Problem(ErrorCode.PRECONDITION_FAILED)


def partial_etag(segments: Sequence[Segment]) -> str:
    """No edit is possible of what is not all there: it only tells one answer from another."""
    last = segments[-1].end if segments else 0
    return f'"partial-{len(segments)}-{last:g}"'


def segments_of(cues: Sequence[Cue]) -> tuple[Segment, ...]:
    return tuple(
        Segment(number, cue.start, cue.end, cue.text, speaker=cue.speaker) for number, cue in enumerate(cues)
    )


def cues_of(segments: Sequence[Segment], *, bilingual: bool = False) -> tuple[Cue, ...]:
    """What is shown; `bilingual` has the source line below a translation's, where there is one."""
    return tuple(
        Cue(
            segment.start,
            segment.end,
            segment.text,
            segment.original_text if bilingual else None,
            segment.speaker,
        )
        for segment in segments
    )


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """Cues on their way out as a subtitle file; `below` is the second language of a bilingual one.

    Long ones are written beside the event loop.
    """

    cues: Sequence[Cue]
    language: str
    etag: str
    below: str | None = None

    async def read(self, request: Request, file_format: SubtitleFormat) -> Response:
        """For an editor or a player; 304 if the client has it."""
        if client_has(request, self.etag):
            return Response(status_code=304, headers={"ETag": self.etag})
        return await self._send(file_format, MIME_TYPES[file_format], {"ETag": self.etag})

    async def download(self, title: str, file_format: SubtitleFormat) -> Response:
        """With a file name."""
        languages = f"{self.language}+{self.below}" if self.below else self.language
        name = attachment(f"{title}.{languages}.{file_format}")
        headers = {"ETag": self.etag, "Content-Disposition": name}
        return await self._send(file_format, DOWNLOAD_TYPES[file_format], headers)

    async def _send(self, file_format: SubtitleFormat, media_type: str, headers: dict[str, str]) -> Response:
        content = await asyncio.to_thread(serialise, self.cues, file_format, self.language)
        return Response(content, media_type=f"{media_type}; charset=utf-8", headers=headers)


@dataclass(frozen=True, slots=True)
class TrackAnswer:
    """A track on its way out: as a `file`, or as it is `presented` in JSON."""

    file: FileAnswer
    presented: Callable[[], BaseModel]
    stale: bool = False

    async def read(self, request: Request, track_format: TrackFormat) -> Response:
        """For an editor or a player; 304 if the client has it."""
        if track_format != "json":
            return await self.file.read(request, track_format)
        if client_has(request, self._etag):
            return Response(status_code=304, headers={"ETag": self._etag})
        return await self._json({"ETag": self._etag})

    async def download(self, title: str, track_format: TrackFormat) -> Response:
        """With a file name."""
        if track_format != "json":
            return await self.file.download(title, track_format)
        name = attachment(f"{title}.{self.file.language}.json")
        return await self._json({"ETag": self._etag, "Content-Disposition": name})

    @property
    def _etag(self) -> str:
        """The JSON tells what the file does not: that what the track was made from has changed."""
        return self.file.etag.removesuffix('"') + STALE_MARK if self.stale else self.file.etag

    async def _json(self, headers: dict[str, str]) -> Response:
        """Long tracks take long to write, so that is done beside the event loop."""
        content = await asyncio.to_thread(lambda: self.presented().model_dump_json())
        return Response(content, media_type="application/json", headers=headers)
