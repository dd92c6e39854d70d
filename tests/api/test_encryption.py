"""What rests on the disk says nothing, and what was changed there is not given out."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.api.conftest import stored_files
from tests.live_server import LiveServer
from tests.loopback.openai_server import LoopbackOpenAI


def uploaded(api: LiveServer, clip: Path) -> tuple[str, Path]:
    """The address of the video's own file, and where it rests."""
    video_id = api.upload(clip)
    (path,) = stored_files(api, video_id)
    return f"/api/videos/{video_id}/file", path


def test_nothing_of_a_video_can_be_read_on_the_disk(api: LiveServer, clip: Path) -> None:
    _, path = uploaded(api, clip)
    content, resting = clip.read_bytes(), path.read_bytes()
    assert all(content[at : at + 16] not in resting for at in range(0, len(content) - 16, 1009))


def test_a_damaged_file_is_an_error_and_what_is_whole_of_it_is_not(api: LiveServer, clip: Path) -> None:
    url, path = uploaded(api, clip)
    content, resting = clip.read_bytes(), bytearray(path.read_bytes())
    resting[1000] ^= 1
    path.write_bytes(resting)
    answer = api.http.get(url)
    assert (answer.status_code, answer.json()["code"]) == (500, "content_damaged")
    assert "backup" in answer.json()["next"]
    later = api.http.get(url, headers={"Range": "bytes=70000-80000"})
    assert (later.status_code, later.content) == (206, content[70000:80001])


def test_a_file_that_was_cut_off_is_an_error_from_its_start(api: LiveServer, clip: Path) -> None:
    url, path = uploaded(api, clip)
    path.write_bytes(path.read_bytes()[: 84 + 65552])
    answer = api.http.get(url, headers={"Range": "bytes=0-99"})
    assert (answer.status_code, answer.json()["code"]) == (500, "content_damaged")


def test_a_damaged_title_is_shown_as_that_and_the_rest_as_it_is(
    tmp_path: Path, openai_server: LoopbackOpenAI, clip: Path
) -> None:
    """In lists, too, which hold others; and the video can be deleted."""
    with LiveServer(tmp_path / "data", OPENAI_BASE_URL=openai_server.url) as server:
        whole, damaged = server.upload(clip, title="Whole"), server.upload(clip, title="Damaged")
        with closing(sqlite3.connect(tmp_path / "data" / "app.sqlite")) as rows, rows:
            rows.execute("UPDATE videos SET title = substr(title, 1, 40) WHERE id = ?", [damaged])
        listed = server.http.get("/api/videos").raise_for_status().json()["videos"]
        assert {each["video_id"]: each["title"] for each in listed} == {whole: "Whole", damaged: "\ufffd"}
        shown = server.http.get(f"/api/videos/{damaged}").raise_for_status().json()
        assert (shown["title"], shown["filename"]) == ("\ufffd", clip.name)
        assert server.http.delete(f"/api/videos/{damaged}").status_code == 204


def test_nothing_that_users_wrote_can_be_read_on_the_disk(
    tmp_path: Path, openai_server: LoopbackOpenAI, clip: Path
) -> None:
    """Neither while a server runs nor after it; be it as it was written or as JSON escapes it."""
    data, named = tmp_path / "data", tmp_path / "Zwetschgenkuchen.mp4"
    named.write_bytes(clip.read_bytes())
    written = {"title": "Über den Wolken", "description": "Für 김철수 allein"}
    settings = {"OPENAI_BASE_URL": openai_server.url, "WEBHOOK_PRIVATE_ADDRESSES": "true"}
    with LiveServer(data, **settings) as server:
        hook = {"url": "http://127.0.0.1:9/geheimnis"}
        server.http.post("/api/webhooks", json=hook).raise_for_status()
        video_id = server.upload(named, **written)
        video = f"/api/videos/{video_id}"
        vtt = "WEBVTT\n\n00:00.500 --> 00:02.000\n<v Rotkäppchen>Was hast du für große Ohren?\n"
        headers = {"Content-Type": "text/vtt"}
        server.http.put(
            f"{video}/subtitles/original?language=de", content=vtt.encode(), headers=headers
        ).raise_for_status()
        terms = {"terminology": {"Ohren": "Lauscherchen"}}
        server.completed(f"{video}/translate-subtitles", {"target_language": "en", "options": terms})
        server.completed(f"{video}/dub", {"target_languages": ["en"]})
        segments = server.http.get(f"{video}/subtitles/translations/en").raise_for_status().json()["segments"]
        assert "Zwetschgenkuchen" in server.http.get(video).text
        texts = [*written.values(), named.stem, "Rotkäppchen", "große Ohren", "Lauscherchen", "geheimnis"]
        texts += [segment["text"] for segment in segments]
        assert readable(data, texts) == []
        assert server.stop() == 0
    assert readable(data, texts) == []
    assert [path for path in (data / "scratch").rglob("*") if path.is_file()] == []


def readable(folder: Path, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Which of the texts stand in which files."""
    found = []
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() and path.parent.name != "models" else b""
        found += [
            (path.name, text)
            for text in texts
            if text.encode() in content or json.dumps(text)[1:-1].encode() in content
        ]
    return found
