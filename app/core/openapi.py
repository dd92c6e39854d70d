"""The OpenAPI document: what routes say of errors, files and headers, and what client generators like."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.core.errors import ErrorCode, Problem
from app.core.locales import catalogue
from app.core.problems import present_problem
from app.core.schemas import FieldError, ProblemDetails

COMPONENT = "#/components/schemas/{model}"
UNDESCRIBED = "Successful Response"
EVENT_STREAM = "text/event-stream"
PROBLEM_JSON = "application/problem+json"
TITLES = {
    304: "Not changed since the given ETag",
    401: "The credentials are missing or not valid",
    402: "It would cost more than was allowed",
    403: "The caller may not do this",
    404: "Unknown id",
    405: "Not possible at this address",
    409: "An earlier stage has to run first, the task is in another state, or the request was sent before",
    412: "The track has changed since the given ETag",
    413: "Too large",
    415: "Not a video, or a content type that is not accepted",
    416: "Range beyond the file's end",
    422: "The request is not valid; `errors` names the fields",
    429: "Too many requests",
    500: "A defect of the server, logged under the reference in `detail`, or stored content that is damaged",
    502: "The engine refused, failed or could not be reached",
    503: "The engine or the object store is not able; `next` says what to do",
    507: "The disk is full",
}
# The server's health is asked for without end.
UNLIMITED = ("/healthz", "/readyz")
# What fills the placeholders of the examples.
SAMPLES: dict[str, str | float] = {
    "video_id": "vid_0199c3a4b5d67e8f90a1b2c3d4e5f607",
    "task_id": "task_0199c3a4b5d67e8f90a1b2c3d4e5f607",
    "reference": "err_0199c3a4b5d67e8f90a1b2c3d4e5f607",
    "webhook_id": "whk_0199c3a4b5d67e8f90a1b2c3d4e5f607",
    "delivery_id": "dlv_0199c3a4b5d67e8f90a1b2c3d4e5f607",
    "project_id": "prj_0199c3a4b5d67e8f90a1b2c3d4e5f607",
    "user_id": "usr_0199c3a4b5d67e8f90a1b2c3d4e5f607",
    "user": "you@example.org",
    "key_id": "key_0199c3a4b5d67e8f90a1b2c3d4e5f607",
    "link_id": "lnk_0199c3a4b5d67e8f90a1b2c3d4e5f607",
    "scope": "jobs:run",
    "quota": "most_jobs",
    "used": "4",
    "most": "4",
    "voice_id": "alloy",
    "segment_id": 3,
    "missing": "text",
    "other_id": 4,
    "start": 4.8,
    "end": 4.5,
    "duration": 180.5,
    "language": "en",
    "source": "ko",
    "target": "en",
    "status": "completed",
    "name": "videos/vid_0199c3a4b5d67e8f90a1b2c3d4e5f607/upload",
    "path": "/api/video",
    "method": "PATCH",
    "summary": "options.pitch: Input should be less than or equal to 10",
    "reason": "the file ends too early",
    "limit": 8589934592,
    "found": "a sound file without a picture",
    "content_type": "text/plain",
    "accepted": "application/json, text/vtt, application/x-subrip",
    "line": 12,
    "stage": "translation",
    "engine": "openai",
    "setting": "OPENAI_API_KEY",
    "hint": "Set OPENAI_API_KEY or OPENAI_BASE_URL to use an engine that does.",
    "model": "gpt-5.4-mini",
    "seconds": 21600,
    "amount": 600,
    "window": 60,
    "wait": 17,
    "spent": "1.21",
    "unit": "0.004",
}
# Whatever is asked for, something stored is read.
ANYWHERE = (ErrorCode.CONTENT_DAMAGED, ErrorCode.INTERNAL_ERROR)
SAMPLE_ERROR = FieldError(
    field="options.pitch", message="Input should be less than or equal to 10", type="less_than_equal"
)

Json = dict[str, Any]
Responses = dict[int | str, Json]

_TEXT: Json = {"schema": {"type": "string"}}
REPEATING = (
    ErrorCode.IDEMPOTENCY_KEY_REUSED,
    ErrorCode.IDEMPOTENCY_KEY_IN_USE,
    ErrorCode.IDEMPOTENCY_ANSWER_LOST,
)
GUARDING = (
    ErrorCode.CREDENTIALS_MISSING,
    ErrorCode.CREDENTIALS_INVALID,
    ErrorCode.CREDENTIALS_EXPIRED,
    ErrorCode.SETUP_REQUIRED,
    ErrorCode.LINK_INVALID,
    ErrorCode.FORBIDDEN,
)
IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text of your own that names this request. Sent again with the same key within "
    "24 hours, it is answered as before (`Idempotent-Replayed: true`) and not done again. "
    "A refusal for how things stand, such as a quota or what is not ready yet, frees the key.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "2026-11-25-order-4711",
}
LOCATION: Json = {"Location": {"description": "Where to find it.", **_TEXT}}
ETAG: Json = {"ETag": {"description": "The version, for `If-Match` or `If-None-Match`.", **_TEXT}}
RATE_LIMITS: Json = {
    "RateLimit-Policy": {"description": 'The limit: `"name";q=requests;w=seconds`.', **_TEXT},
    "RateLimit": {"description": 'What is left of it: `"name";r=requests;t=seconds`.', **_TEXT},
}
RETRY_AFTER: Json = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
FILE_HEADERS: Json = {
    **ETAG,
    "Accept-Ranges": {"description": "Always `bytes`.", **_TEXT},
    "Last-Modified": {"description": "When it was made.", **_TEXT},
}
RANGE_HEADERS: Json = {**FILE_HEADERS, "Content-Range": {"description": "`bytes first-last/size`.", **_TEXT}}
STARTED: Responses = {202: {"description": "The task was accepted.", "headers": LOCATION}}


def created(description: str) -> Responses:
    """A route that makes something and tells where it is."""
    return {201: {"description": description, "headers": LOCATION}}


CREATED = created("The video was created.")


def problems(*codes: ErrorCode, named: Sequence[ErrorCode] = ()) -> Responses:
    """The error answers of a route, one per HTTP status, with an example of each code.

    `named` are about ids that the body names rather than the path.
    """
    by_status: dict[int, list[Problem]] = {}
    for problem in _problems(codes, named):
        by_status.setdefault(problem.status, []).append(problem)
    return {status: _answer(status, found) for status, found in sorted(by_status.items())}


def files(description: str, *media_types: str) -> Responses:
    """A route that sends a file, whole or in ranges."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}
    return {
        200: {"description": description, "content": content, "headers": FILE_HEADERS},
        206: {"description": "The range that was asked for", "content": content, "headers": RANGE_HEADERS},
        304: {"description": TITLES[304], "headers": FILE_HEADERS},
        416: {"description": TITLES[416], "headers": RANGE_HEADERS},
    }


def event_stream(description: str, example: str) -> Responses:
    """A route that sends server-sent events."""
    content = {EVENT_STREAM: {"schema": {"type": "string"}, "example": example}}
    return {200: {"description": description, "content": content}}


def document_of(app: FastAPI, *models: type[BaseModel]) -> Callable[[], Json]:
    """What answers for `app.openapi`. `models` are bodies that routes read by themselves."""

    def openapi() -> Json:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                openapi_version=app.openapi_version,
                description=app.description,
                tags=app.openapi_tags,
                routes=app.routes,
                webhooks=app.webhooks.routes,
            )
            _finish(document, models)
            app.openapi_schema = document
        return app.openapi_schema

    return openapi


def _problems(codes: Sequence[ErrorCode], named: Sequence[ErrorCode]) -> Iterator[Problem]:
    for code in (ErrorCode.INVALID_REQUEST, *codes, *ANYWHERE):
        yield Problem(code, field=None, **SAMPLES)
    for code in named:
        yield Problem(code, field="segments.0.id", **SAMPLES)


def _answer(status: int, found: Sequence[Problem]) -> Json:
    examples = {problem.code.value: _example(problem) for problem in found}
    schema = {"$ref": COMPONENT.format(model=ProblemDetails.__name__)}
    return {
        "description": _described(status, examples),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    }


def _described(status: int, examples: Json) -> str:
    return f"{TITLES[status]}. Codes: {', '.join(f'`{code}`' for code in examples)}"


def _example(problem: Problem) -> Json:
    errors = [SAMPLE_ERROR] if problem.code is ErrorCode.INVALID_REQUEST else ()
    details = present_problem(problem, catalogue("en"), errors=errors)
    return {"summary": details.title, "value": details.model_dump(mode="json", exclude_none=True)}


def _finish(document: Json, models: Sequence[type[BaseModel]]) -> None:
    schemas: Json = document["components"]["schemas"]
    _, extra = models_json_schema(
        [(ProblemDetails, "serialization"), *((model, "validation") for model in models)],
        ref_template=COMPONENT,
    )
    for name, schema in extra["$defs"].items():
        schemas.setdefault(name, schema)
    document["components"]["schemas"] = {
        name: _without_defaults(_untitled(schemas[name])) for name in sorted(schemas)
    }
    for path in document["paths"].values():
        if "post" in path:
            _make_repeatable(path["post"])
    for path, operation in _operations(document):
        if "security" in operation:
            _add_problems(operation, GUARDING)
        if path not in UNLIMITED:
            _limit(operation)
        for parameter in operation.get("parameters", ()):
            parameter["schema"] = _untitled(parameter["schema"])
        for answer in operation["responses"].values():
            _finish_answer(answer, schemas)


def _make_repeatable(operation: Json) -> None:
    """Every POST may carry a key."""
    operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    _add_problems(operation, REPEATING)


def _limit(operation: Json) -> None:
    """Whoever asks too often, or sends too much, is told so."""
    codes = [ErrorCode.RATE_LIMITED]
    if "application/json" in operation.get("requestBody", {}).get("content", {}):
        codes.append(ErrorCode.BODY_TOO_LARGE)
    _add_problems(operation, codes)
    operation["responses"]["429"]["headers"] = RATE_LIMITS | RETRY_AFTER


def _add_problems(operation: Json, codes: Sequence[ErrorCode]) -> None:
    """Those that whole groups of routes have."""
    for code in codes:
        problem = Problem(code, field=None, **SAMPLES)
        answer = operation["responses"].setdefault(str(problem.status), _answer(problem.status, ()))
        examples = answer["content"][PROBLEM_JSON]["examples"]
        examples[problem.code.value] = _example(problem)
        answer["description"] = _described(problem.status, examples)


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, operations in document["paths"].items():
        yield from ((path, operation) for operation in operations.values())


def _finish_answer(answer: Json, schemas: Json) -> None:
    """A success is described by what it answers with."""
    for media_type, media in answer.get("content", {}).items():
        if media_type == EVENT_STREAM:
            media.pop("itemSchema", None)  # a word of OpenAPI 3.2
        model = media.get("schema", {}).get("$ref", "").rpartition("/")[2]
        if model and answer["description"] == UNDESCRIBED:
            answer["description"] = schemas[model]["description"]


def _without_defaults(schema: Json) -> Json:
    """A body's defaults told in words: generators of clients take a field with a default for required."""
    if schema.get("additionalProperties") is not False:
        return schema
    return schema | {"properties": {name: _told(field) for name, field in schema["properties"].items()}}


def _told(field: Json) -> Json:
    default = field.get("default")
    told = {key: value for key, value in field.items() if key != "default"}
    if isinstance(default, str | int | float):
        told["description"] += f" Defaults to `{json.dumps(default)}`."
        told.setdefault("examples", [default])
    return told


def _untitled(schema: Json) -> Json:
    """Without the titles that only say a field's name again."""
    slim = {key: value for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    for key in ("anyOf", "oneOf", "allOf"):
        if key in slim:
            slim[key] = [_untitled(part) for part in slim[key]]
    for key in ("items", "additionalProperties"):
        if isinstance(slim.get(key), dict):
            slim[key] = _untitled(slim[key])
    if "properties" in slim:
        slim["properties"] = {name: _untitled(value) for name, value in slim["properties"].items()}
    return slim
