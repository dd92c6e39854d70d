"""A confined process sees the files it is to work on and no others, and reaches no network."""

import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.core.errors import ErrorCode, Problem
from app.media import sandbox
from app.media.ffmpeg import FFmpegWrapper, media_input, media_output
from app.media.probe import probe
from app.media.probe_apart import probe_apart
from app.media.sandbox import Reach
from tests.media.clips import counting_clip

needs_bubblewrap = pytest.mark.skipif(sandbox.isolation() is None, reason="bubblewrap does not work here")
ADDRESS_SPACE = "import resource; print(resource.getrlimit(resource.RLIMIT_AS)[0])"


def confined(command: Sequence[str], reach: Reach) -> "subprocess.CompletedProcess[str]":
    limited = sandbox.confine(command, cpu_seconds=10, reach=reach)
    return subprocess.run(limited, capture_output=True, text=True, check=False)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere" / "secret"
    path.write_text("hush")
    return path


@needs_bubblewrap
def test_a_file_that_it_was_not_given_is_not_there(secret: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    outcome = confined(["cat", str(secret)], Reach(writes=(tmp_path / "work",)))
    assert outcome.returncode != 0
    assert "No such file" in outcome.stderr
    assert confined(["cat", str(secret)], Reach(reads=(secret,))).stdout == "hush"


@needs_bubblewrap
def test_what_it_reads_stays_as_it_is_even_where_it_writes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("original")
    reach = Reach(reads=(source,), writes=(tmp_path,))
    assert confined(["sh", "-c", f"echo changed > {source}"], reach).returncode != 0
    assert confined(["sh", "-c", f"echo made > {tmp_path / 'result'}"], reach).returncode == 0
    assert source.read_text() == "original"
    assert (tmp_path / "result").read_text() == "made\n"


@needs_bubblewrap
def test_it_reaches_no_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connect = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
        assert confined([sys.executable, "-c", connect], Reach()).returncode != 0
        assert subprocess.run([sys.executable, "-c", connect], check=False).returncode == 0


@needs_bubblewrap
def test_it_sees_no_other_process() -> None:
    outcome = confined(["sh", "-c", "kill -0 1 && echo $PPID"], Reach())
    assert outcome.stdout.strip() in {"1", "2"}


def test_memory_is_limited() -> None:
    outcome = confined([sys.executable, "-c", ADDRESS_SPACE], Reach())
    assert int(outcome.stdout) == sandbox.MAX_ADDRESS_SPACE


@needs_bubblewrap
async def test_ffmpeg_reads_its_inputs_and_nothing_else(
    ffmpeg: FFmpegWrapper, secret: Path, tmp_path: Path
) -> None:
    clip = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    (tmp_path / "work").mkdir()
    target = tmp_path / "work" / "out.mp4"
    await ffmpeg.run(media_output(target, media_input(clip)["v"], t=0.1))
    assert probe(target).video.resolution == "64x48"
    drawn = media_input(clip)["v"].filter("drawtext", textfile=str(secret))
    with pytest.raises(Problem) as caught:
        await ffmpeg.run(media_output(target, drawn))
    assert caught.value.code is ErrorCode.FFMPEG_FAILED


async def test_probing_apart_finds_the_same(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    clip = await counting_clip(ffmpeg, tmp_path / "clip.mp4")
    with clip.open("rb") as file:
        assert probe_apart(file, clip.stat().st_size) == probe(clip)


def test_probing_apart_refuses_with_the_same_reason(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("not a video\n" * 100)
    with path.open("rb") as file, pytest.raises(Problem) as caught:
        probe_apart(file, path.stat().st_size)
    assert caught.value.code is ErrorCode.NOT_A_VIDEO
    assert caught.value.details == {"found": "text"}
