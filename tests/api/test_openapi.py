"""The OpenAPI document: complete enough that a client generated from it explains itself."""

import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from app.core.schemas import ProblemDetails
from app.render.schemas import GenerateDubbedVideo
from app.subtitles.schemas import ExtractSubtitles, TrackUpdate
from app.translation.schemas import TranslateSubtitles
from app.tts.schemas import GenerateSpeech, RegenerateSpeech
from app.videos.schemas import TrimRequest
from tests.live_server import Json, LiveServer

SECTION_2 = {
    "POST /api/videos/upload",
    "GET /api/videos/{video_id}",
    "POST /api/videos/{video_id}/trim",
    "POST /api/videos/{video_id}/extract-subtitles",
    "GET /api/tasks/{task_id}",
    "GET /api/videos/{video_id}/subtitles/original",
    "GET /api/videos/{video_id}/subtitles/original/download",
    "PUT /api/videos/{video_id}/subtitles/original",
    "POST /api/videos/{video_id}/translate-subtitles",
    "GET /api/videos/{video_id}/subtitles/translations/{language_code}",
    "PUT /api/videos/{video_id}/subtitles/translations/{language_code}",
    "GET /api/tts/voices",
    "POST /api/videos/{video_id}/generate-tts",
    "POST /api/videos/{video_id}/tts/{language_code}",
    "POST /api/videos/{video_id}/generate-dubbed-video",
    "GET /api/videos/{video_id}/dubbed-videos/{language_code}",
    "GET /api/videos/{video_id}/dubbed-videos/{language_code}/download",
    "GET /api/videos/{video_id}/jobs",
}
BESIDE_IT = {
    "GET /api/videos",
    "DELETE /api/videos/{video_id}",
    "POST /api/tasks/{task_id}/cancel",
    "POST /api/tasks/{task_id}/retry",
    "GET /api/tasks/{task_id}/events",
    "GET /healthz",
    "GET /readyz",
}
REQUESTS: tuple[type[BaseModel], ...] = (
    TrimRequest,
    ExtractSubtitles,
    TrackUpdate,
    TranslateSubtitles,
    GenerateSpeech,
    RegenerateSpeech,
    GenerateDubbedVideo,
)
MEANING = {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"}


@pytest.fixture(scope="module")
def document(shared_api: LiveServer) -> Json:
    body: Json = shared_api.http.get("/openapi.json").raise_for_status().json()
    return body


def operations(document: Json) -> dict[str, Json]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def schemas_in(node: object, place: str = "") -> Iterator[tuple[str, Json]]:
    """Every schema of the document with its place, whether it is a component or stands by itself."""
    if isinstance(node, list):
        for index, part in enumerate(node):
            yield from schemas_in(part, f"{place}.{index}")
    elif isinstance(node, dict):
        for key, part in node.items():
            if key in ("schema", "items"):
                yield f"{place}.{key}", part
            if key in ("properties", "schemas") and isinstance(part, dict):
                yield from ((f"{place}.{key}.{name}", schema) for name, schema in part.items())
            if key not in ("examples", "example"):
                yield from schemas_in(part, f"{place}.{key}")


def references_in(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for part in node:
            yield from references_in(part)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for part in node.values():
            yield from references_in(part)


def sample(document: Json, schema: Json) -> object:
    """What a page of documentation shows for a schema: its examples, put together."""
    if "$ref" in schema:
        return sample(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "examples" in schema:
        return schema["examples"][0]
    if "properties" in schema:
        return {name: sample(document, field) for name, field in schema["properties"].items()}
    if "anyOf" in schema:
        return sample(document, schema["anyOf"][0])
    if schema.get("type") == "array":
        return [sample(document, schema["items"])]
    return schema.get("enum", [schema.get("default", False)])[0]


def test_every_endpoint_is_there(document: Json) -> None:
    assert set(operations(document)) >= SECTION_2 | BESIDE_IT


def test_every_operation_is_described(document: Json) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    assert all(tag["description"] for tag in document["tags"])
    for name, operation in operations(document).items():
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", operation["operationId"]), name
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        assert set(operation["tags"]) <= tags, name


def test_operation_ids_are_unique(document: Json) -> None:
    ids = [operation["operationId"] for operation in operations(document).values()]
    assert sorted(ids) == sorted(set(ids))


def test_every_parameter_is_described(document: Json) -> None:
    for name, operation in operations(document).items():
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description") or parameter["schema"].get("description"), (name, parameter)


def test_every_operation_tells_its_errors(document: Json) -> None:
    for name, operation in operations(document).items():
        if name in ("GET /healthz", "GET /readyz"):
            continue
        failures = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert {"422", "500"} <= set(failures), name
        if "_id}" in name:
            assert "404" in failures, name
        for status, answer in failures.items():
            if status != "416":
                assert_problem(answer, int(status))


def assert_problem(answer: Json, status: int) -> None:
    content = answer["content"]["application/problem+json"]
    assert content["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
    assert content["examples"]
    for code, example in content["examples"].items():
        problem = ProblemDetails.model_validate(example["value"])
        assert (problem.code, problem.status) == (code, status)
        assert "{" not in problem.title + problem.detail + problem.next.replace("{video_id}", "")
        assert f"`{code}`" in answer["description"]


def test_every_success_says_what_it_is(document: Json) -> None:
    for name, operation in operations(document).items():
        for status, answer in operation["responses"].items():
            assert answer["description"] != "Successful Response", (name, status)
            for media_type, content in answer.get("content", {}).items():
                if media_type == "application/json":
                    assert "$ref" in content["schema"], (name, status)


def test_started_tasks_and_new_videos_tell_where_they_are(document: Json) -> None:
    for name, operation in operations(document).items():
        for status in {"201", "202"} & set(operation["responses"]):
            assert "Location" in operation["responses"][status]["headers"], name


def test_no_schema_is_empty(document: Json) -> None:
    for place, schema in schemas_in(document):
        assert MEANING & set(schema), place
        assert schema.get("additionalProperties") is not True, place


def test_every_field_is_described(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name
        for field, shape in schema.get("properties", {}).items():
            assert shape.get("description") or "$ref" in shape, f"{name}.{field}"


def test_every_reference_leads_somewhere(document: Json) -> None:
    schemas = document["components"]["schemas"]
    used = {reference.rpartition("/")[2] for reference in references_in(document)}
    assert used == set(schemas)


@pytest.mark.parametrize("model", REQUESTS)
def test_the_example_of_a_request_can_be_sent(document: Json, model: type[BaseModel]) -> None:
    example = sample(document, {"$ref": f"#/components/schemas/{model.__name__}"})
    assert model.model_validate(example)


@pytest.mark.parametrize("model", REQUESTS)
def test_a_client_may_leave_out_what_has_a_default(document: Json, model: type[BaseModel]) -> None:
    schema = document["components"]["schemas"][model.__name__]
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert set(schema.get("required", ())) == required
    assert all("default" not in field for field in schema["properties"].values())


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_pages_need_no_network(shared_api: LiveServer, page: str) -> None:
    html = shared_api.http.get(page).raise_for_status().text
    assert "://" not in html
    for path in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert shared_api.http.get(path).status_code == 200
