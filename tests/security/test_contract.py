"""Requests made up from the API's own document: whatever is sent, the answer is one that is documented,
and never a defect."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.walk import Walk
from tests.conftest import PRICES
from tests.live_server import LiveServer
from tests.loopback.openai_server import LoopbackOpenAI

# Of each operation; more of them take longer.
EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "4"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
BOUNDS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
# An event stream is told as text, and may last.
STREAMS = r"/events$"
# What the answers hang on stays there for the requests after it.
LASTING = frozenset({"DELETE"})

SUBTITLES = ("application/x-subrip", "text/x-ssa", "text/vtt")

schemathesis.serializer(*SUBTITLES)(lambda context, value: str(value).encode())


@dataclass(frozen=True)
class Visit:
    """A way that was walked, and what the requests after it carry."""

    walk: Walk
    headers: dict[str, str]


@pytest.fixture(scope="module", params=["at home", "with a key"])
def visit(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clip: Path
) -> Iterator[Visit]:
    """A dubbed video on a server of its own, without users or with one."""
    data = tmp_path_factory.mktemp("contract") / "data"
    with LoopbackOpenAI() as engines:
        options = {"OPENAI_BASE_URL": engines.url, "PRICES_FILE": str(PRICES), "PAUSE_HOURS": "0"}
        with LiveServer(data, **options) as server:
            walk = Walk.take(server, clip)
            yield Visit(walk, {"Accept-Language": "en"} | ({} if request.param == "at home" else key(server)))


def key(server: LiveServer) -> dict[str, str]:
    """Of the first user, who owns what was made before."""
    who = {"email": "ann@example.org", "password": "correct horse battery"}
    server.http.post("/api/users", json=who).raise_for_status()
    token = server.http.post("/api/auth/sign-in", json=who).raise_for_status().json()["access_token"]
    body = {"name": "all", "scopes": ["videos:read", "videos:write", "jobs:run", "admin"]}
    made = server.http.post("/api/keys", json=body, headers={"Authorization": f"Bearer {token}"})
    return {"X-API-Key": str(made.raise_for_status().json()["secret"])}


@pytest.fixture
def documented(visit: Visit) -> schemathesis.BaseSchema:
    schema = schemathesis.openapi.from_url(f"{visit.walk.server.url}/openapi.json")
    return schema.exclude(path_regex=STREAMS)


def test_every_answer_is_documented(documented: schemathesis.BaseSchema, visit: Visit) -> None:
    failures: list[str] = []
    statuses: set[int] = set()
    found = list(documented.get_all_operations())
    operations = [operation.ok() for operation in found if isinstance(operation, Ok)]
    assert len(operations) == len(found) > 50
    for operation, mode in product(operations, GenerationMode):
        try:
            statuses |= _ask(operation, mode, visit)
        except Unsatisfiable:  # there is nothing that could be wrong with such a request
            assert mode is GenerationMode.NEGATIVE
        except FailureGroup as group:
            failures += [f"{operation.label}: {failure}" for failure in group.exceptions]
    assert failures == []
    assert statuses >= {200, 202, 404, 422}
    assert "Traceback" not in visit.walk.server.log(-200_000)


def _ask(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, visit: Visit) -> set[int]:
    """The statuses of the answers."""
    statuses: set[int] = set()
    known = {"video_id": visit.walk.video_id, "language_code": "en", "segment_id": 0}

    @BOUNDS
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        if case.method not in LASTING:
            case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        answer = case.call_and_validate(checks=CHECKS, timeout=20, headers=visit.headers)
        statuses.add(answer.status_code)

    ask()
    return statuses
