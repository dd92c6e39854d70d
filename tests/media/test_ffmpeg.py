import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import ffmpeg as graphs
import pytest
from ffmpeg.nodes import OutputStream

from app.core.errors import ErrorCode, InvalidSettings, Problem
from app.media.ffmpeg import FFmpegWrapper, find_ffmpeg, media_input, media_output
from app.media.sandbox import isolation


def endless(target: Path) -> OutputStream:
    """An encode that would take hours."""
    picture = graphs.input("testsrc2=s=1280x720:r=30:d=36000", f="lavfi")["v"]
    return media_output(target, picture, preset="slow", **{"c:v": "libx264"})


async def test_progress_grows_to_the_whole(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    seen: list[float] = []
    picture = graphs.input("testsrc2=s=320x180:r=30:d=4", f="lavfi")["v"]
    await ffmpeg.run(media_output(tmp_path / "clip.mp4", picture), duration=4, on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0, abs=0.05)


async def test_failure_tells_why_and_no_path(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    source = tmp_path / "secret" / "missing.mp4"
    with pytest.raises(Problem) as caught:
        await ffmpeg.run(media_output(tmp_path / "out.mp4", media_input(source)["v"]))
    assert caught.value.code is ErrorCode.FFMPEG_FAILED
    assert "No such file" in str(caught.value.details["reason"])
    assert "secret" not in str(caught.value.details)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
async def test_full_disk_is_told_apart(ffmpeg: FFmpegWrapper) -> None:
    picture = graphs.input("testsrc2=s=320x180:r=30:d=2", f="lavfi")["v"]
    with pytest.raises(Problem) as caught:
        await ffmpeg.run(media_output(Path("/dev/full"), picture, f="matroska"))
    assert caught.value.code is ErrorCode.STORAGE_FULL


async def test_time_limit(tmp_path: Path) -> None:
    hurried = FFmpegWrapper(None, fonts=None, timeout=0.3)
    with pytest.raises(Problem) as caught:
        await hurried.run(endless(tmp_path / "out.mp4"))
    assert caught.value.code is ErrorCode.FFMPEG_TIMEOUT


async def test_cancelling_stops_ffmpeg_at_once(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    running = asyncio.Event()
    target = tmp_path / "out.mp4"
    work = asyncio.create_task(ffmpeg.run(endless(target), duration=1, on_progress=lambda _: running.set()))
    await asyncio.wait_for(running.wait(), 20)
    begun = time.monotonic()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert time.monotonic() - begun < 1.0
    assert not processes_with(str(target))


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs util-linux")
def test_ffmpeg_dies_with_the_server(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    server = textwrap.dedent("""
        import asyncio, sys
        from pathlib import Path
        from app.media.ffmpeg import FFmpegWrapper
        from tests.media.test_ffmpeg import endless

        wrapper = FFmpegWrapper(None, fonts=None, timeout=60)
        running = lambda _: print("running", flush=True)
        asyncio.run(wrapper.run(endless(Path(sys.argv[1])), duration=1, on_progress=running))
    """)
    command = [sys.executable, "-c", server, str(target)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        children = [pid for pid in processes_with(str(target)) if pid != process.pid]
        assert len(children) == (1 if isolation() is None else 3)  # bubblewrap, outside and inside
        ended = [os.pidfd_open(child) for child in children]
        process.send_signal(signal.SIGKILL)
    for child in ended:
        watch = select.poll()
        watch.register(child, select.POLLIN)
        died = watch.poll(5_000)
        os.close(child)
        assert died


def processes_with(argument: str) -> list[int]:
    """The running processes with an argument on their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if argument.encode() in arguments:
            found.append(int(process.name))
    return found


async def test_playlist_in_disguise_is_refused(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    picture = graphs.input("testsrc2=s=64x48:r=10:d=1", f="lavfi")["v"]
    await ffmpeg.run(media_output(tmp_path / "private.ts", picture, f="mpegts"))
    playlist = tmp_path / "video.mp4"
    private = tmp_path / "private.ts"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{private}\n#EXT-X-ENDLIST\n")
    with pytest.raises(Problem) as caught:
        await ffmpeg.run(media_output(tmp_path / "stolen.mp4", media_input(playlist)["v"]))
    assert caught.value.code is ErrorCode.FFMPEG_FAILED


async def test_the_packaged_ffmpeg_has_all_we_use(ffmpeg: FFmpegWrapper) -> None:
    capabilities = await ffmpeg.capabilities()
    assert capabilities.version != "unknown"
    assert capabilities.missing == ()


def test_a_configured_binary_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="FFMPEG_BINARY"):
        find_ffmpeg(tmp_path / "ffmpeg")
