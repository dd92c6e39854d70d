"""Receiving a video: a multipart body streamed into storage as it arrives, never held and never copied."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import from_json
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.core.errors import ErrorCode, Problem
from app.projects.quotas import Room
from app.storage.backends import ObjectWriter
from app.storage.manager import StorageManager
from app.storage.validator import FileValidator, clean_filename
from app.videos.schemas import UploadMetadata

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE_FIELD = "video"
METADATA_FIELD = "metadata"
FIELDS = frozenset({METADATA_FIELD, *UploadMetadata.model_fields})
LONGEST_FIELD = 64 * 1024

# In the project of that id; in any that it may be, as long as none is named.
RoomFor = Callable[[str | None], Awaitable[Room]]

# What the API's document says of it: FastAPI only knows bodies that it reads itself.
UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FILE_FIELD],
                    "additionalProperties": False,
                    "properties": {
                        FILE_FIELD: {"type": "string", "format": "binary", "description": "The video file."},
                        "title": {
                            "type": "string",
                            "maxLength": 300,
                            "description": "Defaults to the file's name.",
                        },
                        "description": {
                            "type": "string",
                            "maxLength": 5000,
                            "description": "Whatever people should know about it.",
                        },
                        "source_language": {
                            "type": "string",
                            "maxLength": 35,
                            "default": "auto",
                            "description": "A BCP 47 language code, or `auto` to detect it.",
                            "examples": ["auto", "ko"],
                        },
                        "reference": {
                            "type": "string",
                            "maxLength": 500,
                            "description": "A name of your own for the video; it is echoed, and can be "
                            "searched for.",
                            "examples": ["order-4711"],
                        },
                        "project_id": {
                            "type": "string",
                            "maxLength": 100,
                            "description": "The project it goes into; defaults to your oldest one.",
                            "examples": ["prj_0199c3a4b5d67e8f90a1b2c3d4e5f607"],
                        },
                        METADATA_FIELD: {
                            "type": "string",
                            "maxLength": LONGEST_FIELD,
                            "description": "The fields above as one JSON object.",
                            "examples": ['{"title": "My talk", "source_language": "en"}'],
                        },
                    },
                }
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that is in storage, and what the client said about it."""

    filename: str
    metadata: UploadMetadata


@dataclass(slots=True)
class _Part:
    """A part of the body on its way in."""

    headers: dict[str, str] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None


class _Events:
    """The parser's callbacks, kept until they can be awaited."""

    def __init__(self) -> None:
        self.part = _Part()
        self.queue: list[tuple[_Part, bytes | None]] = []
        self.finished = False
        self._header_name = b""
        self._header_value = b""

    def on_part_begin(self) -> None:
        self.part = _Part()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        name = self._header_name.decode("latin-1").lower()
        # Byte for byte, which is how the header's parser wants it; the names in it are decoded as UTF-8.
        self.part.headers[name] = self._header_value.decode("latin-1")
        self._header_name = self._header_value = b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self.part.headers.get("content-disposition", ""))
        self.part.name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename")
        self.part.filename = None if filename is None else filename.decode("utf-8", "replace")

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.queue.append((self.part, data[start:end]))

    def on_part_end(self) -> None:
        self.queue.append((self.part, None))

    def on_end(self) -> None:
        self.finished = True

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self.on_part_begin,
            "on_header_field": self.on_header_field,
            "on_header_value": self.on_header_value,
            "on_header_end": self.on_header_end,
            "on_headers_finished": self.on_headers_finished,
            "on_part_data": self.on_part_data,
            "on_part_end": self.on_part_end,
            "on_end": self.on_end,
        }

    def take(self) -> list[tuple[_Part, bytes | None]]:
        events, self.queue = self.queue, []
        return events


async def receive_upload(
    request: Request, storage: StorageManager, validator: FileValidator, key: str, room_for: RoomFor
) -> ReceivedFile:
    """Stores the field `video` under `key`. Raises `Problem` or `RequestValidationError`, as soon as there is
    a reason; then nothing is left in storage."""
    least = max(0, _announced(request) - LONGEST_FIELD)
    validator.check_announced(least)
    bounds = _Bounds(validator, room_for, max(1, least))
    await bounds.find_room(None)
    async with storage.writer(key) as writer:
        receiver = _Receiver(writer, bounds)
        async for part, data in _parts(request):
            await receiver.take(part, data)
        return receiver.received()


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


class _Bounds:
    """Of one file, which has at the `least` so many bytes."""

    def __init__(self, validator: FileValidator, room_for: RoomFor, least: int) -> None:
        self._validator = validator
        self._room_for = room_for
        self._least = least
        self._room = Room(0, None)

    async def find_room(self, project_id: str | None) -> None:
        """Raises `Problem(QUOTA_REACHED)`, and what `room_for` does."""
        self._room = await self._room_for(project_id)
        self._room.check(self._least)

    def check(self, size: int, more: int) -> None:
        """After `more` bytes, `size` in all so far. Raises `Problem`."""
        self._validator.check_received(size, more)
        self._room.check(size)


class _Receiver:
    """Sorts parts into the file and the fields."""

    def __init__(self, writer: ObjectWriter, bounds: _Bounds) -> None:
        self._writer = writer
        self._bounds = bounds
        self._file: _Part | None = None
        self._size = 0
        self._fields: dict[str, bytes] = {}

    async def take(self, part: _Part, data: bytes | None) -> None:
        if part.name == FILE_FIELD:
            await self._take_file(part, data)
        else:
            self._take_field(part.name, data or b"")

    async def _take_file(self, part: _Part, data: bytes | None) -> None:
        if self._file is not None and self._file is not part:
            raise Problem(ErrorCode.INVALID_UPLOAD, reason="More than one file was sent")
        if self._file is None and (project_id := self._named_project()) is not None:
            await self._bounds.find_room(project_id)
        self._file = part
        if data:
            self._size += len(data)
            self._bounds.check(self._size, len(data))
            await self._writer.write(data)

    def _take_field(self, name: str, data: bytes) -> None:
        if name not in FIELDS:
            raise RequestValidationError(
                [{"type": "extra_forbidden", "loc": ("body", name[:50]), "msg": "Unknown field"}]
            )
        self._fields[name] = self._fields.get(name, b"") + data
        if len(self._fields[name]) > LONGEST_FIELD:
            raise Problem(ErrorCode.INVALID_UPLOAD, reason=f"The field '{name[:50]}' is too long")

    def _named_project(self) -> str | None:
        """By the fields so far. What is wrong with them is told when all are there."""
        with suppress(RequestValidationError):
            return self._metadata().project_id
        return None

    def _metadata(self) -> UploadMetadata:
        fields = {name: data.decode("utf-8", "replace") for name, data in self._fields.items()}
        return parse_metadata(fields)

    def received(self) -> ReceivedFile:
        metadata = self._metadata()
        if self._file is None:
            raise RequestValidationError(
                [{"type": "missing", "loc": ("body", FILE_FIELD), "msg": "Field required"}]
            )
        return ReceivedFile(clean_filename(self._file.filename), metadata)


def parse_metadata(fields: Mapping[str, str]) -> UploadMetadata:
    """From form fields, or one field `metadata` with JSON; single fields win. Empty fields count as absent.

    Raises `RequestValidationError` naming the field.
    """
    values: dict[str, object] = {
        name: text for name, text in fields.items() if text and name != METADATA_FIELD
    }
    try:
        given = from_json(fields.get(METADATA_FIELD) or "{}")
    except ValueError as error:
        raise _invalid("json_invalid", f"Invalid JSON: {error}", {"error": str(error)}) from error
    if not isinstance(given, dict):
        raise _invalid("model_type", "Input should be an object", {})
    try:
        return UploadMetadata.model_validate({**given, **values})
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error


def _invalid(kind: str, message: str, context: dict[str, str]) -> RequestValidationError:
    return RequestValidationError(
        [{"type": kind, "loc": ("body", METADATA_FIELD), "msg": message, "ctx": context}]
    )


async def _parts(request: Request) -> AsyncIterator[tuple[_Part, bytes | None]]:
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if media_type != b"multipart/form-data" or not boundary:
        raise Problem(ErrorCode.INVALID_UPLOAD, reason="The body is not multipart/form-data")
    events = _Events()
    parser = MultipartParser(boundary, events.callbacks())
    try:
        async for chunk in request.stream():
            parser.write(chunk)
            for part, data in events.take():
                yield part, data
        parser.finalize()
    except MultipartParseError as error:
        raise Problem(ErrorCode.INVALID_UPLOAD, reason="The multipart body is malformed") from error
    if not events.finished:
        raise Problem(ErrorCode.INVALID_UPLOAD, reason="The multipart body ends too early")
