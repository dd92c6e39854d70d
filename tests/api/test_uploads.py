"""POST /api/videos/upload: what is taken, what is refused, and that a refusal leaves nothing behind."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import stored_files
from tests.live_server import LiveServer


def upload(api: LiveServer, path: Path, name: str | None = None, **fields: str) -> httpx.Response:
    with path.open("rb") as file:
        return api.http.post("/api/videos/upload", files={"video": (name or path.name, file)}, data=fields)


def test_without_fields(api: LiveServer, short_clip: Path) -> None:
    answer = upload(api, short_clip, "My holiday.2026.mp4")
    assert answer.status_code == 201
    video = api.http.get(answer.headers["location"]).json()
    assert video["title"] == "My holiday.2026"
    assert video["filename"] == "My holiday.2026.mp4"
    assert video["source_language"] == "auto"
    assert video["description"] is None


def test_the_metadata_as_one_json_field(api: LiveServer, short_clip: Path) -> None:
    metadata = {"title": " 강연 ", "description": "둘째 날", "source_language": "KO-kr"}
    answer = upload(api, short_clip, metadata=json.dumps(metadata))
    video = api.http.get(answer.headers["location"]).json()
    assert (video["title"], video["description"], video["source_language"]) == ("강연", "둘째 날", "ko-KR")


def test_a_single_field_wins_over_the_metadata(api: LiveServer, short_clip: Path) -> None:
    metadata = json.dumps({"title": "one", "source_language": "ko"})
    body = upload(api, short_clip, metadata=metadata, title="two", description="").json()
    assert (body["title"], body["source_language"]) == ("two", "ko")


@pytest.mark.parametrize(
    ("sent", "kept", "title"),
    [
        ("../../etc/passwd.mp4", "passwd.mp4", "passwd"),
        ("C:\\clips\\talk.MOV", "talk.MOV", "talk"),
        ("한글 파일 (이름) & 'quote'.mp4", "한글 파일 (이름) & 'quote'.mp4", "한글 파일 (이름) & 'quote'"),
        (".hidden", "hidden", "hidden"),
        ("noextension", "noextension", "noextension"),
        ("a" * 300 + ".mp4", "a" * 200, "a" * 200),
    ],
)
def test_file_names(api: LiveServer, short_clip: Path, sent: str, kept: str, title: str) -> None:
    answer = upload(api, short_clip, sent)
    video = api.http.get(answer.headers["location"]).json()
    assert (video["filename"], video["title"]) == (kept, title)


def test_fields_may_follow_the_file(api: LiveServer, short_clip: Path) -> None:
    parts: dict[str, tuple[str | None, bytes]] = {
        "video": ("late.mp4", short_clip.read_bytes()),
        "title": (None, b"told late"),
    }
    answer = api.http.post("/api/videos/upload", files=parts)
    assert answer.json()["title"] == "told late"


def test_a_body_of_unknown_length_in_tiny_pieces(api: LiveServer, short_clip: Path) -> None:
    sized = httpx.Request("POST", api.url, files={"video": ("tiny.mp4", short_clip.read_bytes())})
    content = sized.read()

    def pieces() -> Iterator[bytes]:
        for start in range(0, 2000, 7):
            yield content[start : min(start + 7, 2000)]
        yield content[2000:]

    headers = {"Content-Type": sized.headers["content-type"]}
    answer = api.http.post("/api/videos/upload", content=pieces(), headers=headers)
    assert answer.status_code == 201
    file = api.http.get(f"{answer.headers['location']}/file")
    assert file.content == short_clip.read_bytes()


@pytest.mark.parametrize(
    ("name", "resolution", "seconds"),
    [
        ("rot_270_with_audio.mp4", "720x1080", 9.967),
        ("odd_dims.webm", "161x121", 1.0),
        ("fragmented.mp4", "1080x720", 1.07),
        ("firstpts_10s.mp4", "1137x640", 4.0),
        ("mkv_delayed.mkv", "190x240", 5.5),
        ("sample.avi", "960x400", 4.09),
        ("bt601.mov", "640x428", 1.06),
        ("no_audio.mp4", "1080x720", 1.0),
        ("truncated_faststart.mp4", "320x180", 25.86),
    ],
)
def test_videos_as_they_are_found(
    api: LiveServer, shared_media: Path, name: str, resolution: str, seconds: float
) -> None:
    answer = upload(api, shared_media / "video" / name)
    assert answer.status_code == 201
    assert answer.json()["resolution"] == resolution
    assert answer.json()["duration"] == pytest.approx(seconds, abs=0.05)


@pytest.mark.parametrize(
    ("name", "status", "code", "found"),
    [
        ("text_named.mp4", 415, "not_a_video", "text"),
        ("audio_only.mp4", 415, "not_a_video", "audio only (aac)"),
        ("nostreams.mp4", 415, "not_a_video", "without any tracks"),
        ("zero_bytes.wav", 415, "not_a_video", "empty"),
        ("drm_clearkey.mp4", 415, "not_a_video", "encrypted"),
        ("truncated_60pct.mp4", 422, "video_unreadable", "cut off"),
        ("bad_free_box.mp4", 422, "video_unreadable", "Invalid data"),
    ],
)
def test_what_is_not_a_video(
    api: LiveServer, shared_media: Path, name: str, status: int, code: str, found: str
) -> None:
    before = stored_files(api)
    answer = upload(api, shared_media / "video" / name)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert found in answer.json()["detail"]
    assert stored_files(api) == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": "x" * 301}, "title"),
        ({"title": "  "}, "title"),
        ({"description": "x" * 5001}, "description"),
        ({"source_language": "klingonese"}, "source_language"),
        ({"tittle": "typo"}, "tittle"),
        ({"metadata": "{not json"}, "metadata"),
        ({"metadata": "[1]"}, "metadata"),
        ({"metadata": '{"title": 5}'}, "title"),
        ({"metadata": '{"colour": "red"}'}, "colour"),
    ],
)
def test_fields_that_are_wrong(api: LiveServer, short_clip: Path, fields: dict[str, str], field: str) -> None:
    before = stored_files(api)
    answer = upload(api, short_clip, **fields)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert stored_files(api) == before


def test_a_missing_file(api: LiveServer) -> None:
    answer = api.http.post("/api/videos/upload", files={"title": (None, "no file")})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "video"


def test_two_files(api: LiveServer, short_clip: Path) -> None:
    before = stored_files(api)
    files = [("video", (f"{name}.mp4", short_clip.read_bytes())) for name in "ab"]
    answer = api.http.post("/api/videos/upload", files=files)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_upload")
    assert stored_files(api) == before


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{}", "application/json"),
        (b"", "multipart/form-data"),
        (b"no boundary at all", "multipart/form-data; boundary=x"),
        (
            b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\nab',
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_bodies_that_are_no_forms(api: LiveServer, content: bytes, content_type: str) -> None:
    before = stored_files(api)
    answer = api.http.post("/api/videos/upload", content=content, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_upload")
    assert stored_files(api) == before


def test_a_file_that_is_too_large(strict_api: LiveServer, tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    large.write_bytes(bytes(1_200_000))
    before = stored_files(strict_api)
    answer = upload(strict_api, large)
    assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")
    assert "1000000" in answer.json()["detail"]
    assert stored_files(strict_api) == before


def test_a_file_that_turns_out_too_large(strict_api: LiveServer) -> None:
    """Without a Content-Length there is no telling before."""
    sized = httpx.Request("POST", strict_api.url, files={"video": ("large.mp4", bytes(1_200_000))})
    content = sized.read()
    before = stored_files(strict_api)
    answer = strict_api.http.post(
        "/api/videos/upload",
        content=(content[start : start + 65536] for start in range(0, len(content), 65536)),
        headers={"Content-Type": sized.headers["content-type"]},
    )
    assert answer.status_code == 413
    assert stored_files(strict_api) == before
