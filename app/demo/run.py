"""One video through every stage, with a progress bar for each."""

import asyncio
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from app.core.errors import Problem
from app.core.locales import catalogue
from app.core.settings import Settings
from app.demo import sample
from app.demo.client import FINAL, DubbingClient, Task
from app.demo.failure import DemoFailed, ServerStopped
from app.demo.server import claimed, running_server
from app.media.ffmpeg import FFmpegWrapper
from app.media.fonts import prepare_fonts
from app.tts.engines.local import LocalSpeech

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the API that starts a task."""

    label: str
    path: str
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Dubbed:
    """What was made; `duration` of the video in seconds."""

    duration: float
    video: Path
    subtitles: tuple[Path, ...]


def run_demo(settings: Settings, video: Path | None, source: str, target: str) -> int:
    """Returns the exit code: 0, 1 when something failed, 130 when it was interrupted."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    console = Console(highlight=False)
    folder = settings.data_dir.absolute() / "demo"
    try:
        if video is not None and not video.is_file():
            raise DemoFailed(f"There is no file {video}.")
        with (
            claimed(folder),
            running_server(folder / "data", folder / "server.log") as url,
            DubbingClient(url) as client,
        ):
            Demo(settings, client, console, folder).run(video, source, target)
    except DemoFailed as failure:
        console.print(str(failure), style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return INTERRUPTED
    return 0


class Demo:
    """Shows what is done, and remembers how many seconds each stage took."""

    def __init__(self, settings: Settings, client: DubbingClient, console: Console, folder: Path) -> None:
        self._settings = settings
        self._client = client
        self._console = console
        self._folder = folder
        self._seconds: dict[str, float] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn(
                "{task.fields[message]}", style="dim", table_column=Column(no_wrap=True, overflow="ellipsis")
            ),
            console=console,
        )

    def run(self, video: Path | None, source: str, target: str) -> None:
        """Raises `DemoFailed`."""
        with self._progress:
            try:
                if video is None:
                    video, source = self._sample(), sample.LANGUAGE
                dubbed = self._dub(video, source, target)
            except KeyboardInterrupt:
                self._console.print("Stopping …")
                raise
        self._report(dubbed)

    def _sample(self) -> Path:
        made = self._folder / sample.NAME
        return made if made.is_file() else self._make_sample()

    def _make_sample(self) -> Path:
        data = self._folder / "data"
        wrapper = FFmpegWrapper(
            self._settings.ffmpeg_binary,
            fonts=prepare_fonts(data),
            timeout=self._settings.ffmpeg_timeout_seconds,
        )

        def report(fraction: float) -> None:
            self._progress.update(bar, completed=100 * fraction)

        with self._bar("Making a sample video") as bar:
            try:
                voice = LocalSpeech(data / "models")
                return asyncio.run(sample.make_sample(wrapper, voice, self._folder, report))
            except Problem as problem:
                text = catalogue("en").error(problem.code, problem.details)
                raise DemoFailed(f"{text.detail}\n{text.next}") from problem

    def _dub(self, video: Path, source: str, target: str) -> Dubbed:
        with self._bar("Uploading") as bar, self._progress.open(video, "rb", task_id=bar) as file:
            uploaded = self._client.upload(file, video.name)
        try:
            for stage in _stages(source, target):
                self._follow(stage, uploaded.video_id)
            return self._fetch(uploaded.video_id, uploaded.duration, video.stem, target)
        finally:
            self._client.delete(uploaded.video_id)

    def _follow(self, stage: Stage, video_id: str) -> None:
        with self._bar(stage.label) as bar:
            last: Task | None = None
            for last in self._client.follow(self._client.start(video_id, stage.path, stage.body)):
                self._progress.update(bar, completed=last.progress, message=last.message)
            if last is None or last.status not in FINAL:
                raise ServerStopped
            if last.status != "completed":
                raise DemoFailed(_reason(last))

    def _fetch(self, video_id: str, duration: float, name: str, target: str) -> Dubbed:
        original = self._client.original_language(video_id)
        tracks = {"original": original, f"translations/{target}": target}
        video = self._client.download(
            video_id, f"dubbed-videos/{target}/download", self._folder / f"{name}.{target}.mp4"
        )
        subtitles = tuple(
            self._client.download(
                video_id, f"subtitles/{track}/download", self._folder / f"{name}.{language}.srt"
            )
            for track, language in tracks.items()
        )
        return Dubbed(duration, video, subtitles)

    def _report(self, dubbed: Dubbed) -> None:
        table = Table(box=None, pad_edge=False)
        table.add_column(f"Stage, for {dubbed.duration:.1f} s of video")
        table.add_column("Seconds", justify="right")
        for label, seconds in self._seconds.items():
            table.add_row(label, f"{seconds:.1f}")
        table.add_row("Together", f"{sum(self._seconds.values()):.1f}", style="bold")
        self._console.print()
        self._console.print(table)
        self._console.print()
        for label, path in (
            ("Dubbed video", dubbed.video),
            *(("Subtitles", path) for path in dubbed.subtitles),
        ):
            self._console.print(f"{label:13} {path}", markup=False, soft_wrap=True)

    @contextmanager
    def _bar(self, label: str) -> Iterator[TaskID]:
        began = time.monotonic()
        if not self._console.is_terminal:  # where the bars appear only at the end
            self._console.print(f"{label} …")
        bar = self._progress.add_task(label, total=100, message="")
        yield bar
        self._progress.update(bar, total=100, completed=100, message="")
        self._seconds[label] = time.monotonic() - began


def _stages(source: str, target: str) -> tuple[Stage, ...]:
    return (
        Stage("Extracting subtitles", "extract-subtitles", {"language": source}),
        Stage(f"Translating to {target}", "translate-subtitles", {"target_language": target}),
        Stage("Generating speech", "generate-tts", {"language": target}),
        Stage(
            "Generating the video",
            "generate-dubbed-video",
            {"language": target, "options": {"include_subtitles": True}},
        ),
    )


def _reason(task: Task) -> str:
    return f"{task.error.message}\n{task.error.next}" if task.error else task.message
