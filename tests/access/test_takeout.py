"""Everything of a project or an account: taken along as a ZIP, or deleted with nothing left behind."""

import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from app.projects.models import HOME
from tests.access.people import PASSWORD, Person, Town
from tests.api.walk import Walk
from tests.conftest import PRICES
from tests.live_server import Json, LiveServer
from tests.loopback.openai_server import LoopbackOpenAI

CUES = "WEBVTT\n\n00:00.100 --> 00:01.500\n<v Ann>Something of Petra's.\n"


@pytest.fixture
def petra(town: Town, request: pytest.FixtureRequest) -> Person:
    """Somebody new for each test."""
    return town.newcomer(f"petra{abs(hash(request.node.name))}")


def project_of(town: Town, person: Person) -> str:
    projects: list[Json] = town.http.get("/api/projects", headers=person.headers).json()["projects"]
    return str(projects[0]["project_id"])


def filled(town: Town, person: Person, clip: Path) -> str:
    """A video of the person's with subtitles. Its id."""
    video = str(town.upload(person, clip, title="Holiday").raise_for_status().json()["video_id"])
    town.http.put(
        f"/api/videos/{video}/subtitles/original",
        params={"language": "en"},
        content=CUES.encode(),
        headers=person.headers | {"Content-Type": "text/vtt"},
    ).raise_for_status()
    return video


def unpacked(answer: httpx.Response) -> zipfile.ZipFile:
    assert answer.raise_for_status().headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive


def remains(town: Town, about: str) -> list[str]:
    objects = town.server.data_dir / "objects"
    return [path.as_posix() for path in objects.rglob("*") if path.is_file() and about in path.as_posix()]


def test_a_project_is_taken_along(town: Town, petra: Person, short_clip: Path) -> None:
    video, project = filled(town, petra, short_clip), project_of(town, petra)
    archive = unpacked(town.http.get(f"/api/projects/{project}/export", headers=petra.headers))
    here = f"projects/{project}"
    there = f"{here}/videos/{video}"
    assert archive.read(f"{there}/original/{short_clip.name}") == short_clip.read_bytes()
    assert "Something of Petra's." in archive.read(f"{there}/subtitles/original.vtt").decode()
    assert json.loads(archive.read(f"{there}/video.json"))["title"] == "Holiday"
    assert json.loads(archive.read(f"{here}/members.json")) == [{"email": petra.email, "role": "owner"}]
    assert json.loads(archive.read(f"{here}/audit.json"))[0]["action"] == "project_created"


def test_what_is_damaged_is_named_and_the_rest_goes_along(
    town: Town, petra: Person, short_clip: Path
) -> None:
    damaged, whole = (filled(town, petra, short_clip) for _ in range(2))
    with closing(sqlite3.connect(town.server.data_dir / "app.sqlite", timeout=10)) as database, database:
        damage = "UPDATE subtitle_segments SET text = substr(text, 1, length(text) - 8) || 'AAAAAAAA'"
        assert database.execute(f"{damage} WHERE video_id = ?", [damaged]).rowcount == 1
    project = project_of(town, petra)
    archive = unpacked(town.http.get(f"/api/projects/{project}/export", headers=petra.headers))
    videos = f"projects/{project}/videos"
    assert archive.read(f"{videos}/{damaged}/original/{short_clip.name}") == short_clip.read_bytes()
    assert archive.read(f"{videos}/{damaged}/subtitles/original.vtt.damaged.txt")
    assert "Something of Petra's." in archive.read(f"{videos}/{whole}/subtitles/original.vtt").decode()


def test_what_leads_out_of_a_project_goes_along(town: Town, petra: Person, short_clip: Path) -> None:
    """Links and webhooks, without what they are signed with."""
    video, project = filled(town, petra, short_clip), project_of(town, petra)
    asked = {"path": "file"}, {"url": "http://127.0.0.1:9/hook", "project_id": project}
    paths = f"/api/videos/{video}/links", "/api/webhooks"
    link, webhook = (
        town.http.post(path, json=body, headers=petra.headers).raise_for_status().json()
        for path, body in zip(paths, asked, strict=True)
    )
    archive = unpacked(town.http.get(f"/api/projects/{project}/export", headers=petra.headers))
    (told_link,) = json.loads(archive.read(f"projects/{project}/links.json"))
    (told_webhook,) = json.loads(archive.read(f"projects/{project}/webhooks.json"))
    assert (told_link["link_id"], told_link["leads_to"]) == (link["link_id"], f"/api/videos/{video}/file")
    assert told_link["user_id"] == petra.user_id
    assert (told_webhook["webhook_id"], told_webhook["url"]) == (webhook["webhook_id"], webhook["url"])
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert httpx.URL(link["url"]).params["signature"].encode() not in everything
    assert webhook["secret"].encode() not in everything


def test_an_account_is_taken_along(town: Town, petra: Person, short_clip: Path) -> None:
    video = filled(town, petra, short_clip)
    secret = town.key(petra)["secret"]
    archive = unpacked(town.http.get("/api/account/export", headers=petra.headers))
    assert json.loads(archive.read("account.json"))["email"] == petra.email
    assert json.loads(archive.read("keys.json"))[0]["name"] == "test"
    assert secret.encode() not in b"".join(archive.read(name) for name in archive.namelist())
    assert any(f"/videos/{video}/original/" in name for name in archive.namelist())


def test_sign_ins_and_memberships_go_along(town: Town, petra: Person) -> None:
    town.share(petra, "viewer").raise_for_status()
    archive = unpacked(town.http.get("/api/account/export", headers=petra.headers))
    (sign_in,) = json.loads(archive.read("sign_ins.json"))
    assert sign_in["address"] == "127.0.0.1"
    assert sign_in["created_at"] < sign_in["expires_at"]
    told = json.loads(archive.read("audit.json"))
    assert [each["address"] for each in told if each["action"] == "signed_in"] == ["127.0.0.1"]
    roles = {each["project_id"]: each["role"] for each in json.loads(archive.read("memberships.json"))}
    assert roles.pop(town.project) == "viewer"
    assert list(roles.values()) == ["owner"]
    assert not any(town.project in name for name in archive.namelist())


def test_a_deleted_project_leaves_nothing(town: Town, petra: Person, short_clip: Path) -> None:
    video, project = filled(town, petra, short_clip), project_of(town, petra)
    key = town.key(petra, project_id=project)
    link = town.http.post(f"/api/videos/{video}/links", json={"path": "file"}, headers=petra.headers).json()
    assert remains(town, video)
    assert town.http.delete(f"/api/projects/{project}", headers=petra.headers).status_code == 204
    assert not remains(town, video)
    assert town.http.get(link["url"]).status_code == 403
    assert town.http.get("/api/account", headers={"X-API-Key": key["secret"]}).status_code == 401
    for path in (f"/api/projects/{project}", f"/api/videos/{video}"):
        assert town.http.get(path, headers=petra.headers).status_code == 404
    assert town.http.get("/api/projects", headers=petra.headers).json()["projects"] == []
    refused = town.upload(petra, short_clip)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_a_deleted_account_leaves_nothing(town: Town, petra: Person, short_clip: Path) -> None:
    video = filled(town, petra, short_clip)
    key = town.key(petra)
    wrong = town.http.request("DELETE", "/api/account", json={"password": "x"}, headers=petra.headers)
    assert (wrong.status_code, wrong.json()["code"]) == (401, "sign_in_failed")
    body = {"password": PASSWORD}
    assert town.http.request("DELETE", "/api/account", json=body, headers=petra.headers).status_code == 204
    assert town.http.get("/api/account", headers=petra.headers).status_code == 401
    assert town.http.get("/api/account", headers={"X-API-Key": key["secret"]}).status_code == 401
    assert town.sign_in(petra.email).status_code == 401
    assert not remains(town, video)
    users = town.http.get("/api/users", headers=town.operator.headers).json()["users"]
    assert petra.email not in [user["email"] for user in users]


def test_what_others_own_too_stays(town: Town, petra: Person, short_clip: Path) -> None:
    video, project = filled(town, petra, short_clip), project_of(town, petra)
    heir = {"email": town.ann.email, "role": "owner"}
    path = f"/api/projects/{project}/members"
    town.http.put(path, json=heir, headers=petra.headers).raise_for_status()
    body = {"password": PASSWORD}
    town.http.request("DELETE", "/api/account", json=body, headers=petra.headers).raise_for_status()
    assert town.http.get(f"/api/videos/{video}/file", headers=town.ann.headers).is_success
    members = town.http.get(path, headers=town.ann.headers).json()["members"]
    assert [each["email"] for each in members] == [town.ann.email]


def test_the_only_operator_stays(town: Town) -> None:
    body = {"password": PASSWORD}
    answer = town.http.request("DELETE", "/api/account", json=body, headers=town.operator.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_operator")


def test_what_was_made_goes_along(walk: Walk) -> None:
    """Lines as they are spoken, dubs, and what was measured in them."""
    archive = unpacked(walk.server.http.get(f"/api/projects/{HOME}/export"))
    there = f"projects/{HOME}/videos/{walk.video_id}"
    names = [name.removeprefix(f"{there}/") for name in archive.namelist() if name.startswith(there)]
    assert {"subtitles/original.vtt", "subtitles/en.vtt", "dubs/en.mp4", "dubs/en.report.json"} <= set(names)
    spoken = [name for name in names if name.startswith("speech/en/")]
    assert spoken
    assert all(archive.read(f"{there}/{name}")[:4] == b"RIFF" for name in spoken)
    assert "tracks" in json.loads(archive.read(f"{there}/dubs/en.report.json"))


def test_what_was_asked_for_and_used_goes_along(walk: Walk) -> None:
    """Every task, and every call to an engine with its price."""
    archive = unpacked(walk.server.http.get(f"/api/projects/{HOME}/export"))
    tasks = json.loads(archive.read(f"projects/{HOME}/tasks.json"))
    calls = json.loads(archive.read(f"projects/{HOME}/usage.json"))
    known = walk.server.http.get(f"/api/videos/{walk.video_id}/jobs").json()["jobs"]
    assert {each["job_id"] for each in known} <= {each["task_id"] for each in tasks}
    translations = [each for each in tasks if each["type"] == "translation"]
    assert all(each["request"]["target_language"] for each in translations)
    total = walk.server.http.get("/api/usage").json()["total"]
    assert len(calls) == total["calls"] > 0
    assert sum(each["cost"] for each in calls) == pytest.approx(total["cost"])
    assert {each["kind"] for each in calls} == {"transcription", "translation", "speech"}


@pytest.fixture(scope="module")
def walk(
    tmp_path_factory: pytest.TempPathFactory, openai_server: LoopbackOpenAI, clip: Path
) -> Iterator[Walk]:
    """A dubbed video on a server of its own."""
    data = tmp_path_factory.mktemp("walk") / "data"
    with LiveServer(data, OPENAI_BASE_URL=openai_server.url, PRICES_FILE=str(PRICES)) as server:
        yield Walk.take(server, clip)
