"""Signed links: for one file, by GET, until they expire, are revoked, or who made them may not look."""

import socket
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


def test_not_wider_than_it_was_signed(town: Town, video: str) -> None:
    """Nothing may follow, be it behind a mark that ends a URL for some."""
    cues = b"WEBVTT\n\n00:00.100 --> 00:01.500\nHello.\n"
    town.http.put(
        f"/api/videos/{video}/subtitles/original",
        params={"language": "en"},
        content=cues,
        headers=town.ann.headers | {"Content-Type": "text/vtt"},
    ).raise_for_status()
    url = make(town, video, "subtitles/original/download")["url"]
    assert town.http.get(url).is_success
    for more in ("&format=vtt", "%23&format=vtt"):
        assert not town.http.get(url + more).is_success
    path, _, query = url.partition("?")
    with socket.create_connection(("127.0.0.1", town.server.port)) as connection:
        target = f"{path.removeprefix(town.server.url)}?{query}#&format=vtt"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert b" 200 " not in connection.recv(100)


@pytest.mark.parametrize("change", [{"expires": "9" * 5000}, {"link": "\0"}], ids=["long", "null"])
def test_nonsense_is_refused(town: Town, video: str, change: dict[str, str]) -> None:
    url = httpx.URL(make(town, video)["url"])
    for name, value in change.items():
        url = url.copy_set_param(name, value)
    assert refused(town.http.get(url))


def test_not_for_who_is_disabled_nor_by_a_revoked_key(town: Town, short_clip: Path) -> None:
    rae = town.newcomer("rae")
    town.share(rae, "viewer").raise_for_status()
    video = town.upload(town.ann, short_clip, project_id=town.project).json()["video_id"]
    key = town.key(rae, "videos:read")
    path = f"/api/videos/{video}/links"
    mine, keys = (
        town.http.post(path, json={"path": "file"}, headers=headers).raise_for_status().json()["url"]
        for headers in (rae.headers, {"X-API-Key": key["secret"]})
    )
    town.http.delete(f"/api/keys/{key['key_id']}", headers=rae.headers).raise_for_status()
    assert (town.http.get(mine).status_code, refused(town.http.get(keys))) == (200, True)
    change = {"disabled": True}
    town.http.patch(
        f"/api/users/{rae.user_id}", json=change, headers=town.operator.headers
    ).raise_for_status()
    assert refused(town.http.get(mine))


def test_a_viewer_revokes_their_own(town: Town, video: str) -> None:
    path = f"/api/videos/{video}/links"
    own = town.http.post(path, json={"path": "file"}, headers=town.vic.headers).json()["link_id"]
    anns = make(town, video)["link_id"]
    assert town.http.delete(f"{path}/{own}", headers=town.vic.headers).status_code == 204
    assert town.http.delete(f"{path}/{anns}", headers=town.vic.headers).status_code == 403
