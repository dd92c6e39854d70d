"""What rests on the disk says nothing, and what was changed there is not given out."""

from pathlib import Path

from tests.api.conftest import stored_files
from tests.live_server import LiveServer


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
