"""Signed links: for one file, by GET, until they expire, are revoked, or who made them may not look."""

from pathlib import Path

import httpx
import pytest

from tests.access.people import Town
from tests.live_server import Json, LiveServer


@pytest.fixture(scope="module")
def video(town: Town, short_clip: Path) -> str:
    return str(town.upload(town.ann, short_clip, project_id=town.project).json()["video_id"])


def make(town: Town, video: str, path: str = "file", **terms: object) -> Json:
    answer = town.http.post(
        f"/api/videos/{video}/links", json={"path": path, **terms}, headers=town.ann.headers
    )
    made: Json = answer.raise_for_status().json()
    return made


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.json()["code"] == "link_invalid"


def test_it_needs_no_credentials(town: Town, video: str, short_clip: Path) -> None:
    url = make(town, video)["url"]
    assert town.http.get(url).raise_for_status().content == short_clip.read_bytes()
    part = town.http.get(url, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, short_clip.read_bytes()[:10])
    assert town.http.head(url).is_success


@pytest.mark.parametrize("path", ["thumbnail", "preview"])
def test_to_other_files(town: Town, video: str, path: str) -> None:
    assert town.http.get(make(town, video, path)["url"]).is_success


def test_for_one_file_only(town: Town, video: str) -> None:
    url = httpx.URL(make(town, video)["url"])
    for path in (f"/api/videos/{video}/thumbnail", f"/api/videos/{video}", "/api/videos"):
        assert refused(town.http.get(url.copy_with(raw_path=f"{path}?{url.query.decode()}".encode())))


def test_for_reading_only(town: Town, video: str) -> None:
    url = make(town, video)["url"]
    assert refused(town.http.delete(url.replace("/file", "")))
    assert town.http.post(url).status_code == 405


@pytest.mark.parametrize("name", ["expires", "signature", "link"])
def test_not_with_a_letter_changed(town: Town, video: str, name: str) -> None:
    url = httpx.URL(make(town, video)["url"])
    value = url.params[name]
    changed = f"{value[:-1]}{'1' if value[-1] != '1' else '2'}"
    assert refused(town.http.get(url.copy_set_param(name, changed)))
    assert refused(town.http.get(url.copy_add_param(name, value)))
    assert not town.http.get(url.copy_remove_param(name)).is_success
    assert not town.http.get(url.copy_add_param("more", "1")).is_success


def test_until_it_expires(town: Town, video: str) -> None:
    url = make(town, video, expires_in=1)["url"]
    town.server.wait(lambda: refused(town.http.get(url)), 10)


def test_until_it_is_revoked(town: Town, video: str) -> None:
    link = make(town, video)
    path = f"/api/videos/{video}/links"
    listed = town.http.get(path, headers=town.vic.headers).json()["links"]
    assert link["link_id"] in [each["link_id"] for each in listed]
    assert "signature" not in str(listed)
    assert town.http.delete(f"{path}/{link['link_id']}", headers=town.ann.headers).status_code == 204
    assert refused(town.http.get(link["url"]))
    again = town.http.delete(f"{path}/{link['link_id']}", headers=town.ann.headers)
    assert again.json()["code"] == "link_not_found"


def test_until_who_made_it_may_not_look(town: Town, short_clip: Path) -> None:
    pat = town.newcomer("pat")
    town.share(pat, "viewer").raise_for_status()
    video = town.upload(town.ann, short_clip, project_id=town.project).json()["video_id"]
    made = town.http.post(f"/api/videos/{video}/links", json={"path": "file"}, headers=pat.headers).json()
    assert town.http.get(made["url"]).is_success
    path = f"/api/projects/{town.project}/members/{pat.user_id}"
    assert town.http.delete(path, headers=town.ann.headers).status_code == 204
    assert refused(town.http.get(made["url"]))


@pytest.mark.parametrize(
    "path", ["", "jobs", "links", "../vid_1/file", "/file", "file/../jobs", "nothing", "file?a=<script>"]
)
def test_to_nothing_else(town: Town, video: str, path: str) -> None:
    answer = town.http.post(f"/api/videos/{video}/links", json={"path": path}, headers=town.ann.headers)
    assert answer.status_code == 422


def test_at_home_too(local_api: LiveServer, short_clip: Path) -> None:
    video = local_api.upload(short_clip)
    made = local_api.http.post(f"/api/videos/{video}/links", json={"path": "file"}).raise_for_status().json()
    assert local_api.http.get(made["url"]).is_success
