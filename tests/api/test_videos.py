"""Videos: the list and its pages, deleting, cutting, and the files behind every URL."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.api.conftest import stored_files
from tests.api.media import film_in, sound_in
from tests.api.shapes import MOMENT, TASK_ID, VIDEO_ID
from tests.api.walk import TARGET, Walk
from tests.live_server import LiveServer
from tests.loopback.faults import Delay
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI

FILES = {
    "/file": "video/mp4",
    "/preview": "video/mp4",
    "/thumbnail": "image/jpeg",
    f"/audio?language={TARGET}": "audio/mpeg",
    f"/tts/{TARGET}/segments/0/audio": "audio/mpeg",
    f"/dubbed-videos/{TARGET}/file": "video/mp4",
    f"/dubbed-videos/{TARGET}/download": "video/mp4",
    f"/dubbed-videos/{TARGET}/thumbnail": "image/jpeg",
}
MAGIC = {"video/mp4": (4, b"ftyp"), "image/jpeg": (0, b"\xff\xd8\xff"), "audio/mpeg": (0, b"ID3")}


def listed(api: LiveServer, limit: int, cursor: str | None = None) -> tuple[list[str], str | None]:
    params = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
    page = api.http.get("/api/videos", params=params).raise_for_status().json()
    return [video["video_id"] for video in page["videos"]], page["next_cursor"]


def test_the_list_is_newest_first(api: LiveServer, short_clip: Path) -> None:
    uploaded = [api.upload(short_clip, title=f"video {number}") for number in range(3)]
    answer = api.http.get("/api/videos", params={"limit": 3}).json()
    assert [video["video_id"] for video in answer["videos"]] == uploaded[::-1]
    assert answer["videos"][0] == {
        "video_id": uploaded[2],
        "title": "video 2",
        "duration": pytest.approx(5.0, abs=0.05),
        "resolution": "160x90",
        "status": "uploaded",
        "created_at": MOMENT,
        "source_language": "auto",
    }


def test_pages_hold_every_video_once(api: LiveServer, short_clip: Path) -> None:
    uploaded = [api.upload(short_clip) for _ in range(5)]
    seen, cursor = listed(api, 2)
    late = api.upload(short_clip)  # what arrives in between moves no page
    while cursor and not set(uploaded) <= set(seen):
        page, cursor = listed(api, 2, cursor)
        seen += page
    assert seen[:5] == uploaded[::-1]
    assert late not in seen
    assert len(set(seen)) == len(seen)


def test_the_last_page_has_no_cursor(api: LiveServer, video: str) -> None:
    seen, cursor = listed(api, 100)
    while cursor:
        page, cursor = listed(api, 100, cursor)
        seen += page
    assert video in seen


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("cursor=!!!", "cursor"),
        ("cursor=%C3%A9", "cursor"),
        ("cursor=aGVsbG8", "cursor"),
    ],
)
def test_a_page_that_cannot_be(api: LiveServer, query: str, field: str) -> None:
    answer = api.http.get(f"/api/videos?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_deleting_a_video_takes_everything_with_it(
    api: LiveServer, clip: Path, bring: Callable[..., None]
) -> None:
    video = api.upload(clip)
    bring(video, "original")
    bring(video, f"translations/{TARGET}")
    api.completed(f"/api/videos/{video}/generate-tts", {"language": TARGET})
    api.completed(f"/api/videos/{video}/generate-dubbed-video", {"language": TARGET})
    assert api.http.get(f"/api/videos/{video}/thumbnail").is_success
    tasks = [job["job_id"] for job in api.http.get(f"/api/videos/{video}/jobs").json()["jobs"]]

    assert len(stored_files(api, video)) > 5
    assert api.http.delete(f"/api/videos/{video}").status_code == 204

    assert video not in listed(api, 100)[0]
    for path in ("", "/jobs", "/subtitles/original", *FILES):
        assert api.http.get(f"/api/videos/{video}{path}").status_code == 404
    assert all(api.http.get(f"/api/tasks/{task}").status_code == 404 for task in tasks)
    assert stored_files(api, video) == set()
    assert api.http.delete(f"/api/videos/{video}").status_code == 404


def test_deleting_a_video_ends_its_tasks(
    api: LiveServer,
    openai_server: LoopbackOpenAI,
    video: str,
    own_lines: Callable[[str], tuple[str, str]],
) -> None:
    own_lines("original")
    openai_server.fail(Endpoint.CHAT, Delay(30.0), times=2)
    task = api.http.post(f"/api/videos/{video}/translate-subtitles", json={"target_language": "es"}).json()
    api.waited_for(task["task_id"], lambda found: found["status"] == "processing")
    assert api.http.delete(f"/api/videos/{video}").status_code == 204
    assert api.http.get(f"/api/tasks/{task['task_id']}").status_code == 404


def test_trimming(api: LiveServer, clip: Path) -> None:
    source = api.upload(clip, title="whole", source_language="ko")
    answer = api.http.post(f"/api/videos/{source}/trim", json={"start_time": 1.5, "end_time": 4})
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"/api/videos/{body['trimmed_video_id']}"
    assert body == {
        "video_id": source,
        "trimmed_video_id": VIDEO_ID,
        "original_duration": pytest.approx(9.0, abs=0.05),
        "trimmed_duration": 2.5,
        "start_time": 1.5,
        "end_time": 4.0,
        "status": "trimmed",
        "task_id": TASK_ID,
    }
    task = api.finished(body["task_id"])
    assert task["type"] == "video_trim"
    assert task["result"]["trimmed_video_id"] == body["trimmed_video_id"]
    trimmed = api.http.get(answer.headers["location"]).json()
    assert trimmed["duration"] == pytest.approx(2.5, abs=0.01)
    assert (trimmed["title"], trimmed["source_language"]) == ("whole", "ko")
    assert trimmed["status"] == "uploaded"


def test_the_cut_is_exact_to_the_frame(api: LiveServer, clip: Path) -> None:
    source = api.upload(clip)
    body = api.http.post(f"/api/videos/{source}/trim", json={"start_time": 2.48, "end_time": 3.48}).json()
    # The file can be asked for at once: the answer waits for the cut.
    content = api.http.get(f"/api/videos/{body['trimmed_video_id']}/file").content
    cut, whole = film_in(content), film_in(clip.read_bytes())
    assert len(cut.pictures) == 25
    differences = [
        np.abs(picture.astype(int) - cut.pictures[0].astype(int)).mean() for picture in whole.pictures
    ]
    assert int(np.argmin(differences)) == 62  # the frame on screen at 2.48 s
    assert sound_in(content).seconds == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"start_time": 3, "end_time": 2}, "end_time"),
        ({"start_time": 3, "end_time": 3}, "end_time"),
        ({"start_time": 3, "end_time": 3.0001}, "end_time"),
        ({"start_time": 0, "end_time": 60}, "end_time"),
        ({"start_time": -1, "end_time": 2}, "start_time"),
        ({"start_time": "1", "end_time": 2}, "start_time"),
        ({"start_time": 1}, "end_time"),
        ({"start_time": 1, "end_time": 2, "end": 3}, "end"),
    ],
)
def test_a_cut_that_cannot_be(walk: Walk, body: dict[str, object], field: str) -> None:
    answer = walk.server.http.post(walk.path("/trim"), json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(("path", "media_type"), FILES.items())
class TestFiles:
    """Every URL of a file, as players and downloaders use them."""

    def test_whole(self, walk: Walk, path: str, media_type: str) -> None:
        answer = walk.server.http.get(walk.path(path))
        offset, magic = MAGIC[media_type]
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media_type
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["content-length"] == str(len(answer.content))
        assert answer.content[offset:].startswith(magic)

    def test_ranges(self, walk: Walk, path: str, media_type: str) -> None:
        whole = walk.server.http.get(walk.path(path)).content
        for asked, part in (
            ("bytes=0-99", slice(0, 100)),
            ("bytes=100-", slice(100, None)),
            ("bytes=-100", slice(-100, None)),
            ("bytes=50-99999999", slice(50, None)),
        ):
            answer = walk.server.http.get(walk.path(path), headers={"Range": asked})
            first, last, _ = part.indices(len(whole))
            assert answer.status_code == 206
            assert answer.headers["content-type"] == media_type
            assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/{len(whole)}"
            assert answer.content == whole[part]

    def test_a_range_beyond_the_end(self, walk: Walk, path: str, media_type: str) -> None:
        answer = walk.server.http.get(walk.path(path), headers={"Range": "bytes=99999999-"})
        size = walk.server.http.head(walk.path(path)).headers["content-length"]
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{size}"

    def test_head(self, walk: Walk, path: str, media_type: str) -> None:
        head, get = (walk.server.http.request(method, walk.path(path)) for method in ("HEAD", "GET"))
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length", "accept-ranges", "etag", "last-modified"):
            assert head.headers[name] == get.headers[name]

    def test_an_etag_saves_the_transfer(self, walk: Walk, path: str, media_type: str) -> None:
        etag = walk.server.http.head(walk.path(path)).headers["etag"]
        answer = walk.server.http.get(walk.path(path), headers={"If-None-Match": f'"other", {etag}'})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag

    def test_a_range_of_a_file_that_was_replaced_is_the_whole(
        self, walk: Walk, path: str, media_type: str
    ) -> None:
        etag = walk.server.http.head(walk.path(path)).headers["etag"]
        for known, status in ((etag, 206), ('"replaced"', 200)):
            headers = {"Range": "bytes=0-9", "If-Range": known}
            assert walk.server.http.get(walk.path(path), headers=headers).status_code == status


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=9-5", "lines=1-2", "bytes=-", "bytes=a-b"])
def test_ranges_that_are_not_served_give_the_whole(walk: Walk, asked: str) -> None:
    answer = walk.server.http.get(walk.path("/thumbnail"), headers={"Range": asked})
    assert answer.status_code == 200


def test_the_urls_of_a_video_lead_to_its_files(walk: Walk) -> None:
    video, dubbed = walk.json("video"), walk.json("dubbed")
    for link in (
        *(video[name] for name in ("url", "thumbnail_url", "preview_url")),
        video["subtitles"]["original"]["url"],
        *(track["url"] for track in video["subtitles"]["translations"]),
        *(version["url"] for version in video["dubbed_versions"]),
        *(dubbed[name] for name in ("url", "download_url", "thumbnail_url")),
        walk.json("spoken")["full_audio"]["url"],
        *(segment["url"] for segment in walk.json("spoken")["segments"]),
    ):
        assert walk.server.http.get(link).status_code == 200


def test_the_file_is_what_was_uploaded(walk: Walk, clip: Path) -> None:
    assert walk.server.http.get(walk.path("/file")).content == clip.read_bytes()


def test_the_thumbnail_and_the_preview(walk: Walk) -> None:
    thumbnail = film_in(walk.server.http.get(walk.path("/thumbnail")).content)
    preview = film_in(walk.server.http.get(walk.path("/preview")).content)
    assert thumbnail.size == (320, 180)
    assert thumbnail.pictures[0].std() > 10
    assert preview.size[1] <= 360
    assert len(preview.pictures) == pytest.approx(9 * 15, abs=2)


def test_urls_follow_the_address_that_was_asked(walk: Walk) -> None:
    headers = {"Host": "localhost:8080"}
    video = walk.server.http.get(walk.path(), headers=headers).json()
    assert video["url"] == f"http://localhost:8080{walk.path('/file')}"
