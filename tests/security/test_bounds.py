"""Everything that a client may send has a bound, and what is not known is refused: told by the API's own
document, so that a new field without one fails here."""

from collections.abc import Iterator

import pytest

from tests.api.test_errors import problem_in
from tests.live_server import Json, LiveServer

# Bounded by something else than a length.
CLOSED = ("enum", "const", "maxLength")
TEXT_FORMATS = ("date", "date-time", "binary")


@pytest.fixture(scope="module")
def document(shared_api: LiveServer) -> Json:
    body: Json = shared_api.http.get("/openapi.json").raise_for_status().json()
    return body


def test_every_part_of_a_request_has_a_bound(document: Json) -> None:
    parts = [part for place, schema in _sent(document) for part in _parts(document, schema, place)]
    assert len(parts) > 200
    assert [place for place, schema in parts if not _is_bounded(schema)] == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/videos/a%00b",
        "/api/videos/a%0d%0ab",
        f"/api/videos/{'x' * 65}",
        "/api/videos/..%2f..%2fetc",
        "/api/tasks/%ff%fe",
        "/api/webhooks/'%20OR%201=1--",
        "/api/videos/vid_1/subtitles/translations/%00",
        "/api/videos/vid_1/tts/en/segments/99999999999999999999999/audio",
        "/api/videos?reference=%00",
        "/api/videos?limit=1e400",
        "/api/videos?cursor=%F0%9F%98%80",
        "/api/usage?from=0000-00-00",
        "/api/events?video_id=%0a",
    ],
)
def test_an_id_that_can_be_none_is_refused(api: LiveServer, path: str) -> None:
    answer = api.http.get(path)
    assert answer.status_code in (404, 422), answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/videos?limt=5"), ("GET", "/api/tts/voices?langage=ko"), ("GET", "/healthz?x=1")],
)
def test_an_unknown_query_parameter_is_refused(api: LiveServer, method: str, path: str) -> None:
    problem = problem_in(api.http.request(method, path), 422, "invalid_request")
    assert [error["type"] for error in problem["errors"]] == ["extra_forbidden"]
    assert path.partition("?")[2].partition("=")[0] in problem["detail"]


@pytest.mark.parametrize(
    "path", ["/api/usage?from=2026-01-01&to=2026-01-02", "/api/videos?limit=1&reference=x", "/docs?x=1"]
)
def test_a_known_one_is_not(api: LiveServer, path: str) -> None:
    assert api.http.get(path).status_code == 200


def _sent(document: Json) -> Iterator[tuple[str, Json]]:
    """The schemas of all that is sent."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                yield f"{method} {path} {parameter['name']}", parameter["schema"]
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                if not media_type.startswith("text/") and media_type != "application/x-subrip":
                    yield f"{method} {path}", content["schema"]


def _parts(
    document: Json, schema: Json, place: str, inside: tuple[str, ...] = ()
) -> Iterator[tuple[str, Json]]:
    """A schema and all in it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in inside:
            yield from _parts(document, document["components"]["schemas"][name], place, (*inside, name))
        return
    yield place, schema
    choices = [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, ())]
    named = schema.get("properties", {})
    within = {
        **{f"{place}|{number}": part for number, part in enumerate(choices)},
        **{f"{place}.{name}": part for name, part in named.items()},
        f"{place}[]": schema.get("items"),
        f"{place}.*": schema.get("additionalProperties"),
    }
    for where, part in within.items():
        if isinstance(part, dict):
            yield from _parts(document, part, where, inside)


def _is_bounded(schema: Json) -> bool:
    match schema.get("type"):
        case "string":
            return schema.get("format") in TEXT_FORMATS or any(key in schema for key in CLOSED)
        case "integer" | "number":
            return any(key in schema for key in ("enum", "maximum", "exclusiveMaximum"))
        case "array":
            return "maxItems" in schema
        case "object":
            return schema.get("additionalProperties") is False or "maxProperties" in schema
        case _:
            return True
