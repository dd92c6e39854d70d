"""FFmpeg as an asynchronous child process: confined, timed, cancellable, with progress."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import ffmpeg
from ffmpeg.nodes import FilterableStream, OutputStream

from app.core.errors import ErrorCode, InvalidSettings, Problem
from app.media import sandbox
from app.media.formats import DEMUXERS, MAX_ALLOCATION, MAX_PIXELS, MAX_STREAMS

ProgressCallback = Callable[[float], None]

STDERR_KEPT = 8192
# A damaged stretch is no reason to give up: what decodes is what there is.
QUIET = ("-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-max_error_rate", "1")
PROGRESS = ("-progress", "pipe:1", "-nostats")
PROGRESS_READ = 4096
WANTED_ENCODERS = ("libx264", "aac", "libvpx-vp9", "libopus", "libmp3lame", "mjpeg")
WANTED_FILTERS = ("subtitles", "zscale", "tonemap", "thumbnail")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a build of FFmpeg has of what we use; `missing` names what it lacks."""

    version: str
    encoders: frozenset[str]
    filters: frozenset[str]

    @property
    def missing(self) -> tuple[str, ...]:
        encoders = (name for name in WANTED_ENCODERS if name not in self.encoders)
        return (*encoders, *(name for name in WANTED_FILTERS if name not in self.filters))


def find_ffmpeg(configured: Path | None) -> Path:
    """`configured`, else the one packaged with imageio-ffmpeg, else the one on PATH.

    Raises `InvalidSettings` when there is none, or when the configured one cannot be run.
    """
    if configured is not None:
        found = shutil.which(configured)
        if found is None:
            raise InvalidSettings(f"FFMPEG_BINARY: {configured} is not a program that can be run")
        return Path(found).absolute()
    packaged = _packaged_ffmpeg() or shutil.which("ffmpeg")
    if packaged is None:
        raise InvalidSettings("FFMPEG_BINARY: no FFmpeg found; install it or set the path to it")
    return Path(packaged).absolute()


def media_input(path: Path, **options: str | float | None) -> FilterableStream:
    """The input node of a media file that nobody vouches for.

    `options` are FFmpeg input options (`ss`, `t`, …; None for a flag). The file can neither make FFmpeg
    open another one nor ask for more memory than a real video does.
    """
    guards = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(DEMUXERS),
        "max_alloc": MAX_ALLOCATION,
        "max_pixels": MAX_PIXELS,
        "max_streams": MAX_STREAMS,
    }
    plain = {name: _plain(option) for name, option in options.items()}
    return ffmpeg.input(str(path.absolute()), **guards, **plain)


def _plain(option: str | float | None) -> str | float | None:
    """FFmpeg counts microseconds and does not read exponents."""
    return f"{option:.6f}" if isinstance(option, float) else option


def media_output(path: Path, *streams: FilterableStream, **options: str | float | None) -> OutputStream:
    """The output node of the streams, in their order, with FFmpeg's output options (None for a flag)."""
    return ffmpeg.output(*streams, str(path.absolute()), **options)


class FFmpegWrapper:
    """Runs command graphs built with ffmpeg-python. `fonts` is the fontconfig file that subtitles are
    drawn with; `timeout` is in seconds for each run."""

    def __init__(self, binary: Path | None = None, *, fonts: Path | None, timeout: float) -> None:
        self.binary = find_ffmpeg(binary)
        self._environment = sandbox.environment(**({"FONTCONFIG_FILE": str(fonts)} if fonts else {}))
        # Fonts are looked up in a cache beside the file that lists them.
        self._always = sandbox.Reach((self.binary,), (fonts.parent,) if fonts else ())
        self._timeout = timeout

    async def run(
        self,
        graph: OutputStream,
        *,
        duration: float | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> None:
        """Runs the graph to its end, telling `on_progress` which fraction of `duration` seconds is done.

        Raises `Problem`: FFMPEG_FAILED with FFmpeg's reason, FFMPEG_TIMEOUT or STORAGE_FULL. When it is
        cancelled, FFmpeg is dead before the cancellation goes on.
        """
        command = ffmpeg.compile(graph, cmd=[str(self.binary), *QUIET, *PROGRESS])
        async with self._started(command) as process:
            try:
                async with asyncio.timeout(self._timeout):
                    stderr = await _watched(process, duration, on_progress)
            except TimeoutError:
                raise Problem(ErrorCode.FFMPEG_TIMEOUT, seconds=round(self._timeout)) from None
        if process.returncode != 0:
            raise _failure(process.returncode, stderr)

    async def capabilities(self) -> Capabilities:
        """What this build can do. Raises `Problem` when it cannot be run."""
        encoders, filters = [_second_words(await self._ask(what)) for what in ("-encoders", "-filters")]
        return Capabilities(await self.version(), encoders, filters)

    async def version(self) -> str:
        """`unknown` where it does not tell. Raises `Problem` when it cannot be run."""
        answer = await self._ask("-version")
        return answer.split()[2] if answer.startswith("ffmpeg version") else "unknown"

    async def _ask(self, question: str) -> str:
        command = [str(self.binary), "-nostdin", "-hide_banner", question]
        async with self._started(command) as process, asyncio.timeout(self._timeout):
            stdout, stderr = await process.communicate()
        if process.returncode != 0:
            raise _failure(process.returncode, stderr)
        return stdout.decode(errors="replace")

    @asynccontextmanager
    async def _started(self, command: list[str]) -> AsyncIterator[asyncio.subprocess.Process]:
        """The process in a group of its own, which does not outlive the block."""
        cpu_seconds = int(self._timeout * (os.cpu_count() or 1)) + 1
        process = await asyncio.create_subprocess_exec(
            *sandbox.confine(command, cpu_seconds=cpu_seconds, reach=self._reach(command)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            process_group=0,
        )
        try:
            yield process
        finally:
            # It only ever writes to scratch files of its own, so nothing is lost by not asking it first.
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
                await _all_gone(process)

    def _reach(self, command: Sequence[str]) -> sandbox.Reach:
        """Its inputs, and the folders of its outputs, where what its filters read is, too."""
        inputs = [Path(name) for flag, name in pairwise(command) if flag == "-i" and name.startswith("/")]
        named = {Path(name) for name in command[1:] if name.startswith("/")}
        folders = sorted({path.parent for path in named.difference(inputs)})
        return sandbox.Reach((*self._always.reads, *inputs), (*self._always.writes, *folders))


async def _all_gone(process: asyncio.subprocess.Process) -> None:
    """A sandbox ends a moment before what is in it: the last of them closes the pipes."""
    for pipe in (process.stdout, process.stderr):
        while pipe is not None and await pipe.read(STDERR_KEPT):
            pass


async def _watched(
    process: asyncio.subprocess.Process, duration: float | None, on_progress: ProgressCallback | None
) -> bytes:
    """Reads the process to its end; the tail of what it wrote to stderr."""
    if process.stdout is None or process.stderr is None:
        raise RuntimeError("the process was started without pipes")
    progress = _report_progress(process.stdout, duration, on_progress)
    _, stderr = await asyncio.gather(progress, _tail(process.stderr))
    await process.wait()
    return stderr


async def _report_progress(
    stdout: asyncio.StreamReader, duration: float | None, on_progress: ProgressCallback | None
) -> None:
    rest = b""
    while chunk := await stdout.read(PROGRESS_READ):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            key, _, value = line.decode(errors="replace").strip().partition("=")
            if on_progress and duration and key == "out_time_us" and value.lstrip("-").isdigit():
                on_progress(min(1.0, max(0.0, int(value) / 1e6 / duration)))


async def _tail(stderr: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stderr.read(STDERR_KEPT):
        kept = (kept + chunk)[-STDERR_KEPT:]
    return kept


def _failure(returncode: int | None, stderr: bytes) -> Problem:
    text = stderr.decode(errors="replace")
    if "No space left on device" in text:
        return Problem(ErrorCode.STORAGE_FULL)
    return Problem(ErrorCode.FFMPEG_FAILED, reason=_reason(text) or f"it ended with code {returncode}")


def _reason(stderr: str) -> str:
    """The last line that says something, without our paths and FFmpeg's addresses."""
    lines = [line.strip() for line in stderr.splitlines()]
    telling = [line for line in lines if line and line != "Conversion failed!"]
    last = telling[-1] if telling else ""
    without_context = re.sub(r"\[[^\]]* @ 0x[0-9a-f]+\]\s*", "", last)
    return re.sub(r"(?:/[^/\s:'\"]+)+/?", "…", without_context)


def _packaged_ffmpeg() -> str | None:
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        return None


def _second_words(listing: str) -> frozenset[str]:
    rows = (line.split() for line in listing.splitlines())
    return frozenset(row[1] for row in rows if len(row) > 2)
