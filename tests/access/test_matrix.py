"""Every operation of the API, asked for by everybody: a new one without a rule here fails."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.core.settings import Settings
from app.main import ROUTERS, create_app
from tests.access.people import NOBODY, Person, Town
from tests.live_server import Json

METHODS = ("get", "post", "put", "patch", "delete")


class Rule(Enum):
    """What an operation asks of its caller: the scopes, and where they count."""

    PUBLIC = "", ""
    KNOWN = "", "anywhere"
    OWN = "admin", "anywhere"
    OWN_LISTS = "videos:read", "anywhere"
    OWN_UPLOADS = "videos:write", "anywhere"
    OPERATOR = "admin", "server"
    READ = "videos:read", "project"
    FILE = "videos:read", "project, or by a link"
    WRITE = "videos:write", "project"
    RUN = "jobs:run", "project"
    MAKE = "videos:write jobs:run", "project"
    ADMIN = "admin", "project"

    @property
    def scopes(self) -> set[str]:
        return set(self.value[0].split())

    @property
    def is_about_project(self) -> bool:
        return self.value[1].startswith("project")


RULES = {
    Rule.PUBLIC: "getHealth getReadiness signIn refreshSignIn signOut",
    Rule.KNOWN: "getAccount",
    Rule.OWN: "exportAccount deleteAccount changePassword signOutEverywhere listOwnAudit listKeys createKey "
    "rotateKey revokeKey createProject createWebhook listWebhooks",
    Rule.OWN_LISTS: "listVideos listTasks streamEvents listVoices getVoicePreview getUsage listProjects",
    Rule.OWN_UPLOADS: "uploadVideo",
    Rule.OPERATOR: "listWorkers getMemo listUsers createUser updateUser setQuotas",
    Rule.READ: "getVideo listVideoJobs getOriginalSubtitles checkOriginalSubtitles getTranslation "
    "checkTranslation getSpeech getSpeechSubtitles getVideoUsage getDubbedVideo getDubbedVideoReport getTask "
    "streamTaskEvents getProject listMembers listLinks createLink revokeLink",
    Rule.FILE: "getVideoFile getVideoPreview getVideoThumbnail downloadOriginalSubtitles downloadTranslation "
    "getSegmentAudio getFullAudio downloadSpeechSubtitles getDubbedVideoFile downloadDubbedVideo "
    "getDubbedVideoThumbnail getDubbedVideoReportPlot",
    Rule.WRITE: "deleteVideo updateOriginalSubtitles fixOriginalSubtitles updateTranslation fixTranslation",
    Rule.RUN: "extractSubtitles translateSubtitles generateSpeech regenerateSpeech generateDubbedVideo "
    "dubVideo cancelTask retryTask",
    Rule.MAKE: "trimVideo",
    Rule.ADMIN: "exportProject deleteProject renameProject listProjectAudit setMember removeMember "
    "getWebhook deleteWebhook listDeliveries replayDelivery",
}
RULE_OF = {name: rule for rule, names in RULES.items() for name in names.split()}
ROLES = {
    "ann": {"videos:read", "videos:write", "jobs:run", "admin"},
    "ed": {"videos:read", "videos:write", "jobs:run"},
    "vic": {"videos:read"},
}


@dataclass(frozen=True)
class Operation:
    """`path` with its parameters in braces."""

    name: str
    method: str
    path: str


def operations() -> list[Operation]:
    document = create_app(Settings(_env_file=None)).openapi()
    return [
        Operation(operation["operationId"], method, path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


OPERATIONS = operations()
GUARDED = [each for each in OPERATIONS if RULE_OF.get(each.name) is not Rule.PUBLIC]
about_all = pytest.mark.parametrize("operation", GUARDED, ids=lambda each: each.name)
about_projects = pytest.mark.parametrize(
    "operation",
    [each for each in GUARDED if each.name in RULE_OF and RULE_OF[each.name].is_about_project],
    ids=lambda each: each.name,
)


class Scene:
    """Something of Ann's for every parameter of a path; sends requests about it."""

    def __init__(self, town: Town, clip: Path) -> None:
        self.town = town
        self._clip = clip
        self.video = self.new_video()
        self.other_video = self.new_video()
        task = self._made(f"/api/videos/{self.video}/extract-subtitles")
        town.server.wait(lambda: self._task(task["task_id"])["status"] == "completed")
        webhook = {"url": "http://127.0.0.1:9/hook", "project_id": town.project}
        self.parameters = {
            "video_id": self.video,
            "task_id": task["task_id"],
            "webhook_id": self._made("/api/webhooks", webhook)["webhook_id"],
            "project_id": town.project,
            "user_id": "usr_none",
            "key_id": "key_none",
            "link_id": "lnk_none",
            "delivery_id": "dlv_none",
            "language_code": "en",
            "segment_id": "0",
            "voice_id": "alloy",
        }

    def new_video(self) -> str:
        answer = self.town.upload(self.town.ann, self._clip, project_id=self.town.project)
        return str(answer.raise_for_status().json()["video_id"])

    def new_project(self) -> str:
        return str(self._made("/api/projects", {"name": "Short-lived"})["project_id"])

    def new_webhook(self) -> str:
        body = {"url": "http://127.0.0.1:9/hook", "project_id": self.town.project}
        return str(self._made("/api/webhooks", body)["webhook_id"])

    def link(self, video: str, path: str = "file") -> str:
        """The query of a link to a file of a video."""
        made = self._made(f"/api/videos/{video}/links", {"path": path})
        return str(httpx.URL(made["url"]).query.decode())

    def ask(self, person: Person, operation: Operation, query: str = "", **others: str) -> tuple[int, Json]:
        """The status and the problem, if it is one. Bodies are empty: what may be done is then refused for
        that, and nothing happens."""
        path = operation.path.format(**self.parameters | others)
        request = self.town.http.build_request(
            operation.method, f"{path}?{query}" if query else path, headers=person.headers
        )
        answer = self.town.http.send(request, stream=True)
        try:
            is_problem = answer.headers.get("content-type") == "application/problem+json"
            answer.read() if is_problem else None
            return answer.status_code, answer.json() if is_problem else {}
        finally:
            answer.close()

    def _made(self, path: str, body: object = None) -> Json:
        answer = self.town.http.post(path, json=body, headers=self.town.ann.headers)
        made: Json = answer.raise_for_status().json()
        return made

    def _task(self, task_id: str) -> Json:
        answer = self.town.http.get(f"/api/tasks/{task_id}", headers=self.town.ann.headers)
        task: Json = answer.raise_for_status().json()
        return task


@pytest.fixture(scope="module")
def scene(town: Town, short_clip: Path) -> Scene:
    return Scene(town, short_clip)


def test_every_operation_has_a_rule() -> None:
    assert sorted(RULE_OF) == sorted(operation.name for operation in OPERATIONS)


def test_every_route_to_the_api_is_guarded() -> None:
    """Also those that the document leaves out, such as HEAD."""
    open_names = set(RULES[Rule.PUBLIC].split())
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    assert len(routes) > len(OPERATIONS)
    for route in routes:
        is_guarded = any(module.endswith(".access") for module in _modules_of(route.dependant))
        is_open = route.operation_id in open_names or not route.path.startswith("/api/")
        assert is_guarded or is_open, route.path


def _modules_of(dependant: Dependant) -> Iterator[str]:
    """Where what it depends on is from."""
    for needed in dependant.dependencies:
        yield getattr(needed.call, "__module__", "")
        yield from _modules_of(needed)


@about_all
def test_nobody(scene: Scene, operation: Operation) -> None:
    assert _told(scene.ask(NOBODY, operation)) == (401, "credentials_missing")


@about_all
def test_wrong_credentials(scene: Scene, operation: Operation) -> None:
    for header in (
        {"Authorization": "Bearer vda_wrong"},
        {"X-API-Key": "vdk_wrong"},
        {"Authorization": "Basic eDp5"},
    ):
        assert _told(scene.ask(Person("wrong", header), operation)) == (401, "credentials_invalid")


@about_all
def test_an_expired_key(scene: Scene, expired: Person, operation: Operation) -> None:
    assert _told(scene.ask(expired, operation)) == (401, "credentials_expired")


@about_all
def test_a_revoked_key(scene: Scene, revoked: Person, operation: Operation) -> None:
    assert _told(scene.ask(revoked, operation)) == (401, "credentials_invalid")


@about_all
def test_a_key_without_the_scope(scene: Scene, keys: dict[str, Person], operation: Operation) -> None:
    """One for one scope is refused where another is asked for, too; what asks for none is open to all."""
    scopes = RULE_OF[operation.name].scopes
    for held, key in keys.items():
        refused = not scopes <= {held}
        status, problem = scene.ask(key, operation, **_spared(scene, operation, not refused))
        assert (status == 403) == (refused or RULE_OF[operation.name] is Rule.OPERATOR), (held, problem)


@about_projects
def test_somebody_else(scene: Scene, operation: Operation) -> None:
    """Is told exactly what is told of what is not there."""
    parameters = _first_parameter(operation)
    theirs = scene.ask(scene.town.otto, operation)
    absent = scene.ask(scene.town.otto, operation, **{parameters: "none"})
    assert _told(theirs) == _told(absent)
    assert theirs[0] == 404
    mine = scene.parameters[parameters]
    assert str(theirs[1]).replace(mine, "none") == str(absent[1])


@pytest.mark.parametrize("role", sorted(ROLES))
@about_projects
def test_members(scene: Scene, role: str, operation: Operation) -> None:
    may = RULE_OF[operation.name].scopes <= ROLES[role]
    person: Person = getattr(scene.town, role)
    status, problem = scene.ask(person, operation, **_spared(scene, operation, may))
    assert (status not in (401, 403)) == may, problem
    if status == 404:
        assert problem["code"] != f"{_first_parameter(operation).removesuffix('_id')}_not_found", problem


@pytest.mark.parametrize(
    "operation",
    [each for each in OPERATIONS if RULE_OF[each.name] is Rule.OPERATOR],
    ids=lambda each: each.name,
)
def test_only_the_operator(scene: Scene, operation: Operation) -> None:
    assert scene.ask(scene.town.operator, operation)[0] not in (401, 403)
    assert _told(scene.ask(scene.town.ann, operation)) == (403, "forbidden")


@about_all
def test_a_link_to_another_file(scene: Scene, elsewhere: str, operation: Operation) -> None:
    assert _told(scene.ask(NOBODY, operation, elsewhere)) == (403, "link_invalid")


@pytest.fixture(scope="module")
def elsewhere(scene: Scene) -> str:
    return scene.link(scene.other_video)


@pytest.fixture(scope="module")
def keys(town: Town) -> dict[str, Person]:
    """Those of one more owner, each for one scope."""
    kim = town.newcomer("kim")
    town.share(kim, "owner").raise_for_status()
    scopes = ("videos:read", "videos:write", "jobs:run", "admin")
    return {scope: _with_key(town.key(kim, scope)) for scope in scopes}


@pytest.fixture(scope="module")
def expired(town: Town) -> Person:
    return _with_key(town.key(town.ann, expires_at="2026-01-01T00:00:00Z"))


@pytest.fixture(scope="module")
def revoked(town: Town) -> Person:
    key = town.key(town.ann)
    town.http.delete(f"/api/keys/{key['key_id']}", headers=town.ann.headers).raise_for_status()
    return _with_key(key)


def _with_key(key: Json) -> Person:
    return Person("key", {"X-API-Key": key["secret"]})


def _told(answer: tuple[int, Json]) -> tuple[int, str]:
    return answer[0], answer[1].get("code", "")


def _first_parameter(operation: Operation) -> str:
    return operation.path.partition("{")[2].partition("}")[0]


def _spared(scene: Scene, operation: Operation, may: bool) -> dict[str, str]:
    """Something that nobody misses, for what really deletes it."""
    if may and operation.name == "deleteVideo":
        return {"video_id": scene.new_video()}
    if may and operation.name == "deleteProject":
        return {"project_id": scene.new_project()}
    if may and operation.name == "deleteWebhook":
        return {"webhook_id": scene.new_webhook()}
    return {}
