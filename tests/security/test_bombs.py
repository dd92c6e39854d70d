"""Small files that unfold into something huge: refused with what is wrong with them, before they do."""

import subprocess
import time
from pathlib import Path

import pytest

from app.media.ffmpeg import find_ffmpeg
from app.media.formats import MAX_PIXELS, MAX_STREAMS
from app.media.probe import MAX_DURATION
from tests.api.test_errors import problem_in
from tests.live_server import LiveServer
from tests.security.conftest import Bait

LONGEST_SECONDS = 10.0
STREAMS = 2 * MAX_STREAMS
WIDTH, HEIGHT = 9000, 4000
FRAMES_APART = int(MAX_DURATION)

PIXELS = ("-f", "lavfi", "-i", f"color=size={WIDTH}x{HEIGHT}:duration=0.04", "-c:v", "mjpeg")
HOURS = ("-f", "lavfi", "-i", f"color=size=64x48:rate=1/{FRAMES_APART}", "-frames:v", "3", "-c:v", "mjpeg")
TRACKS = (
    *("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=0.2"),
    *("-f", "lavfi", "-i", "sine=duration=0.2:sample_rate=8000"),
    *("-map", "0:v", *("-map", "1:a") * STREAMS, "-c:v", "mpeg4", "-c:a", "pcm_u8"),
)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(PIXELS, f"{WIDTH}x{HEIGHT} is too large"), (HOURS, "longer than 24 hours"), (TRACKS, "streams")],
    ids=["pixels", "hours", "tracks"],
)
def test_a_bomb_is_refused_for_what_it_is(
    target: LiveServer, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    path = tmp_path / "bomb.mkv"
    subprocess.run([str(find_ffmpeg(None)), "-v", "error", *arguments, str(path)], check=True)
    assert path.stat().st_size < 2_000_000
    begun = time.monotonic()
    with path.open("rb") as file:
        answer = target.http.post("/api/videos/upload", files={"video": ("bomb.mkv", file)})
    assert time.monotonic() - begun < LONGEST_SECONDS
    problem = problem_in(answer, 422, "video_unreadable")
    assert reason in problem["detail"]


def test_the_bomb_of_pixels_is_one() -> None:
    assert WIDTH * HEIGHT > MAX_PIXELS


def test_an_upload_of_nothing_but_headers_ends(target: LiveServer, bait: Bait) -> None:
    """A part of a form with endless headers, and a form with endless parts."""
    boundary = "multipart/form-data; boundary=b"
    for content in (
        b"--b\r\n" + b"X-A: b\r\n" * 200_000,
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nx\r\n' * 20_000 + b"--b--\r\n",
        b"--b\r\nContent-Disposition: form-data; name=" + b"x" * 1_000_000 + b"\r\n\r\nx\r\n--b--\r\n",
    ):
        begun = time.monotonic()
        answer = target.http.post("/api/videos/upload", content=content, headers={"Content-Type": boundary})
        assert 400 <= answer.status_code < 500, answer.text
        assert time.monotonic() - begun < LONGEST_SECONDS
    assert bait.calls == []
