"""Projects: what is in one is for its members, and counts towards its quotas."""

import json
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from app.projects.models import HOME
from tests.access.people import Person, Town
from tests.api.conftest import bring_track
from tests.live_server import FINAL, Json, LiveServer
from tests.loopback.openai_server import LoopbackOpenAI


@pytest.fixture
def own(town: Town) -> str:
    """A new project of Ann's."""
    return new_project(town, town.ann)


def new_project(town: Town, person: Person) -> str:
    answer = town.http.post("/api/projects", json={"name": "New"}, headers=person.headers)
    return str(answer.raise_for_status().json()["project_id"])


def set_quotas(town: Town, project: str, **quotas: float) -> None:
    path = f"/api/projects/{project}/quotas"
    town.http.put(path, json=quotas, headers=town.operator.headers).raise_for_status()


def upload(town: Town, clip: Path, project: str) -> Json:
    answer: Json = town.upload(town.ann, clip, project_id=project).json()
    return answer


def begin(town: Town, person: Person, video: str, temperature: float = 0.0) -> str:
    """Starts a task, which costs nothing where one of the same temperature was before. Its id."""
    path = f"/api/videos/{video}/extract-subtitles"
    answer = town.http.post(path, json={"temperature": temperature}, headers=person.headers)
    return str(answer.raise_for_status().json()["task_id"])


def ended(town: Town, task_id: str) -> Json:
    """Ann's task, once it is over."""
    task: Json = {}

    def is_over() -> bool:
        task.update(town.http.get(f"/api/tasks/{task_id}", headers=town.ann.headers).json())
        return task["status"] in FINAL

    town.server.wait(is_over)
    return task


def part(name: str, content: bytes, filename: str = "") -> bytes:
    """Of a form. No other follows it."""
    file = f'; filename="{filename}"' if filename else ""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content


def begun_upload(town: Town, headers: dict[str, str], *parts: bytes, announced: int | None) -> Json:
    """What is answered when no more than these parts have come, of so many bytes; None is not told."""
    address = httpx.URL(town.server.url)
    beginning = b"\r\n".join(parts)
    size = {"Transfer-Encoding": "chunked"} if announced is None else {"Content-Length": str(announced)}
    with closing(HTTPConnection(address.host, address.port, timeout=20)) as connection:
        connection.putrequest("POST", "/api/videos/upload")
        for name, value in ({"Content-Type": "multipart/form-data; boundary=x"} | size | headers).items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(beginning if announced else b"%x\r\n%b\r\n" % (len(beginning), beginning))
        answer: Json = json.loads(connection.getresponse().read())
        return answer


def listed(town: Town, person: Person, **query: str) -> list[str]:
    answer = town.http.get("/api/videos", params=query | {"limit": "100"}, headers=person.headers)
    return [video["video_id"] for video in answer.raise_for_status().json()["videos"]]


def test_videos_go_into_ones_own(town: Town, short_clip: Path) -> None:
    newcomer = town.newcomer("nell")
    video = town.upload(newcomer, short_clip).raise_for_status().json()["video_id"]
    assert listed(town, newcomer) == [video]
    assert video not in listed(town, town.ann)
    shown = town.http.get(f"/api/videos/{video}", headers=newcomer.headers).json()
    projects = town.http.get("/api/projects", headers=newcomer.headers).json()["projects"]
    assert shown["project_id"] == projects[0]["project_id"]


def test_or_into_one_that_is_shared(town: Town, own: str, short_clip: Path) -> None:
    video = town.upload(town.ed, short_clip, project_id=town.project).raise_for_status().json()["video_id"]
    assert video in listed(town, town.ann)
    assert video in listed(town, town.vic, project_id=town.project)
    assert listed(town, town.ann, project_id=own) == []
    assert listed(town, town.otto, project_id=town.project) == []


def test_but_not_into_anothers(town: Town, short_clip: Path) -> None:
    for project in (town.project, "prj_none"):
        answer = town.upload(town.otto, short_clip, project_id=project)
        assert (answer.status_code, answer.json()["code"]) == (422, "project_not_found")
    answer = town.upload(town.vic, short_clip, project_id=town.project)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_cut_stays_with_its_source(town: Town, own: str, short_clip: Path) -> None:
    video = upload(town, short_clip, own)["video_id"]
    body = {"start_time": 0, "end_time": 1}
    cut = town.http.post(f"/api/videos/{video}/trim", json=body, headers=town.ann.headers).json()
    assert set(listed(town, town.ann, project_id=own)) == {video, cut["trimmed_video_id"]}
    task = f"/api/tasks/{cut['task_id']}"
    assert town.http.get(task, headers=town.otto.headers).json()["code"] == "task_not_found"
    assert ended(town, cut["task_id"])["status"] == "completed"


def test_tasks_and_bills_are_the_projects(town: Town, own: str, short_clip: Path) -> None:
    video = upload(town, short_clip, own)["video_id"]
    task = begin(town, town.ann, video, temperature=0.31)
    assert ended(town, task)["status"] == "completed"
    for person, sees in ((town.ann, True), (town.otto, False)):
        tasks = town.http.get("/api/tasks?limit=100", headers=person.headers).json()["tasks"]
        assert (task in [each["task_id"] for each in tasks]) == sees
        usage = town.http.get("/api/usage?group_by=video", headers=person.headers).json()["groups"]
        assert (video in [each["key"] for each in usage]) == sees


def test_events_are_for_members(town: Town, own: str, short_clip: Path) -> None:
    """Those of others go by unseen."""
    hers = upload(town, short_clip, own)["video_id"]
    his = town.upload(town.otto, short_clip).json()["video_id"]
    with town.http.stream("GET", "/api/events", headers=town.otto.headers) as stream:
        begin(town, town.ann, hers)
        begin(town, town.otto, his)
        seen = []
        for line in stream.iter_lines():
            seen.append(line)
            if his in line:
                break
        assert hers not in "".join(seen)


def test_the_last_owner_stays(town: Town, own: str) -> None:
    path = f"/api/projects/{own}/members"
    change = {"email": town.ann.email, "role": "viewer"}
    answer = town.http.put(path, json=change, headers=town.ann.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    leaving = town.http.delete(f"{path}/{town.ann.user_id}", headers=town.ann.headers)
    assert leaving.json()["code"] == "last_owner"
    members = town.http.get(path, headers=town.ann.headers).json()["members"]
    assert [(each["email"], each["role"]) for each in members] == [(town.ann.email, "owner")]


def test_sharing_with_nobody(town: Town, own: str) -> None:
    body = {"email": "nobody@example.org", "role": "viewer"}
    answer = town.http.put(f"/api/projects/{own}/members", json=body, headers=town.ann.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "user_not_found")


def test_what_was_done_is_written_down(town: Town, own: str, short_clip: Path) -> None:
    video = upload(town, short_clip, own)["video_id"]
    town.http.get(f"/api/videos/{video}/file", headers=town.ann.headers)
    town.http.delete(f"/api/videos/{video}", headers=town.ann.headers)
    path = f"/api/projects/{own}/audit"
    entries = town.http.get(path, headers=town.ann.headers).json()["entries"]
    assert [entry["action"] for entry in entries] == [
        "video_deleted",
        "original_downloaded",
        "project_created",
    ]
    assert {entry["user_id"] for entry in entries} == {town.ann.user_id}
    assert {entry["address"] for entry in entries} == {"127.0.0.1"}
    page = town.http.get(path, params={"limit": 1}, headers=town.ann.headers).json()
    rest = town.http.get(path, params={"cursor": page["next_cursor"]}, headers=town.ann.headers).json()
    assert page["entries"] + rest["entries"] == entries
    assert rest["next_cursor"] is None
    wrong = town.http.get(path, params={"cursor": "dmlkXzE"}, headers=town.ann.headers)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_cursor")


def test_a_quota_of_bytes(town: Town, own: str, short_clip: Path) -> None:
    size = short_clip.stat().st_size
    set_quotas(town, own, most_bytes=size)
    video = upload(town, short_clip, own)["video_id"]
    answer = upload(town, short_clip, own)
    assert (answer["status"], answer["code"]) == (403, "quota_reached")
    town.http.delete(f"/api/videos/{video}", headers=town.ann.headers).raise_for_status()
    assert "video_id" in upload(town, short_clip, own)


@pytest.fixture
def una(town: Town) -> Person:
    """A newcomer whose only project may hold 100 kB."""
    person = town.newcomer(f"una-{uuid4().hex}")
    set_quotas(town, only_project(town, person), most_bytes=100_000)
    return person


def only_project(town: Town, person: Person) -> str:
    (project,) = town.http.get("/api/projects", headers=person.headers).json()["projects"]
    return str(project["project_id"])


def test_what_has_no_room_is_refused_before_it_is_sent(town: Town, una: Person) -> None:
    refused = begun_upload(town, una.headers, announced=10**7)
    assert (refused["status"], refused["code"]) == (403, "quota_reached")


def test_what_has_no_room_in_the_project_that_is_named_is_refused_before_it_is_sent(
    town: Town, una: Person
) -> None:
    full = only_project(town, una)
    new_project(town, una)
    parts = part("project_id", full.encode()), part("video", b"0" * 1000, "film.mp4")
    assert begun_upload(town, una.headers, *parts, announced=10**7)["code"] == "quota_reached"
    key = town.key(una, "videos:write", project_id=full)
    refused = begun_upload(town, {"X-API-Key": key["secret"]}, announced=10**7)
    assert refused["code"] == "quota_reached"


def test_a_file_of_unknown_length_is_refused_as_soon_as_there_is_no_room(town: Town, una: Person) -> None:
    file = part("video", b"0" * 200_000, "film.mp4")
    assert begun_upload(town, una.headers, file, announced=None)["code"] == "quota_reached"


def test_the_project_may_be_named_last(town: Town, una: Person, short_clip: Path) -> None:
    """There is room as long as there is some in any."""
    full, roomy = only_project(town, una), new_project(town, una)
    set_quotas(town, full, most_bytes=1)
    answers = []
    for project in (roomy, full):
        parts: dict[str, tuple[str | None, bytes]] = {
            "video": ("film.mp4", short_clip.read_bytes()),
            "project_id": (None, project.encode()),
        }
        answers.append(town.http.post("/api/videos/upload", files=parts, headers=una.headers))
    assert [answer.status_code for answer in answers] == [201, 403]
    assert answers[1].json()["code"] == "quota_reached"


@pytest.mark.parametrize(("told", "most"), [("most_minutes", 0.01), ("most_cost", 0), ("most_jobs", 0)])
def test_quotas_of_work(town: Town, own: str, short_clip: Path, told: str, most: float) -> None:
    video = upload(town, short_clip, own)["video_id"]
    set_quotas(town, own, **{told: most})
    path = f"/api/videos/{video}/extract-subtitles"
    answer = town.http.post(path, headers=town.ann.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "quota_reached")
    assert told in answer.json()["detail"]
    set_quotas(town, own)
    assert town.http.post(path, headers=town.ann.headers).status_code == 202


def test_tasks_at_once_never_pass_the_money_of_a_month(town: Town, own: str, short_clip: Path) -> None:
    videos = [upload(town, short_clip, own)["video_id"] for _ in range(6)]
    cost = ended(town, begin(town, town.ann, videos[0], temperature=0.34))["cost"]
    set_quotas(town, own, most_cost=3.5 * cost)
    begun = [begin(town, town.ann, video, 0.35 + number / 100) for number, video in enumerate(videos)]
    tasks = [ended(town, task) for task in begun]
    assert [task["status"] for task in tasks].count("completed") == 2
    stopped = [task["error"]["code"] for task in tasks if task["status"] == "failed"]
    assert stopped == ["quota_reached"] * 4
    assert cost + sum(task["cost"] for task in tasks) <= 3.5 * cost


def test_a_retry_is_within_the_quotas_too(town: Town, own: str, short_clip: Path) -> None:
    video = upload(town, short_clip, own)["video_id"]
    set_quotas(town, own, most_cost=1e-9)
    task = begin(town, town.ann, video, temperature=0.33)
    assert ended(town, task)["status"] == "failed"
    set_quotas(town, own, most_cost=0)
    retry = town.http.post(f"/api/tasks/{task}/retry", json={"max_cost": 5}, headers=town.ann.headers)
    assert (retry.status_code, retry.json()["code"]) == (403, "quota_reached")


@pytest.mark.parametrize("asked", ["bytes=1-", "bytes=-5", "bytes=00-", None])
def test_every_download_of_an_original_is_written_down_once(
    town: Town, own: str, short_clip: Path, asked: str | None
) -> None:
    video = upload(town, short_clip, own)["video_id"]
    headers = town.ann.headers | ({} if asked is None else {"Range": asked})
    for _ in range(2):
        assert town.http.get(f"/api/videos/{video}/file", headers=headers).is_success
    entries = town.http.get(f"/api/projects/{own}/audit", headers=town.ann.headers).json()["entries"]
    downloads = [each["target"] for each in entries if each["action"] == "original_downloaded"]
    assert downloads == [video]


def test_a_stream_ends_with_its_key(town: Town) -> None:
    stella = town.newcomer("stella")
    key = town.key(stella, "videos:read")
    with town.http.stream("GET", "/api/events", headers={"X-API-Key": key["secret"]}) as stream:
        town.http.delete(f"/api/keys/{key['key_id']}", headers=stella.headers).raise_for_status()
        assert not any(line.startswith("event: task") for line in stream.iter_lines())


def test_new_projects_have_the_quotas_of_the_settings(tmp_path: Path) -> None:
    limits = {"PROJECT_MOST_BYTES": "1000", "PROJECT_MOST_JOBS": "2"}
    with LiveServer(tmp_path / "data", **limits) as server:
        town = Town(server)
        for project in town.http.get("/api/projects", headers=town.ann.headers).json()["projects"]:
            told = {"most_bytes": 1000, "most_minutes": None, "most_cost": None, "most_jobs": 2}
            assert project["quotas"] == told


def test_a_quota_of_money_needs_prices(
    tmp_path: Path, short_clip: Path, openai_server: LoopbackOpenAI
) -> None:
    quotas = f"/api/projects/{HOME}/quotas"
    stages: dict[str, Json] = {
        "extract-subtitles": {},
        "translate-subtitles": {"target_language": "es"},
        "generate-tts": {"language": "en"},
        "dub": {"target_languages": ["fr"]},
    }
    with LiveServer(tmp_path / "data", OPENAI_BASE_URL=openai_server.url) as server:
        here = f"/api/videos/{server.upload(short_clip)}"
        for track in ("original", "translations/en"):
            bring_track(server, here.rpartition("/")[2], track)
        server.http.put(quotas, json={"most_cost": 5}).raise_for_status()
        refused = [server.http.post(f"{here}/{stage}", json=body) for stage, body in stages.items()]
        assert [answer.json()["code"] for answer in refused] == ["price_unknown"] * 4
        server.http.put(quotas, json={}).raise_for_status()
        begun = [server.http.post(f"{here}/{stage}", json=body) for stage, body in stages.items()]
        assert [answer.status_code for answer in begun] == [202] * 4
