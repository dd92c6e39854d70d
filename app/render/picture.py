"""BurnedPicture: the picture with the subtitles in it, of which only what an edit touches is made again."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ffmpeg.nodes import FilterableStream

from app.core.sharing import each_of
from app.media.ffmpeg import FFmpegWrapper, ProgressCallback, media_input, media_output
from app.media.filters import shown_picture
from app.media.fonts import require_fonts
from app.media.joining import join_pictures
from app.media.keyframes import Division, Stretch, divide
from app.memo import Memo, Unit
from app.render.burner import SubtitleBurner, SubtitleStyle, burn_in
from app.render.output import OutputFormatter
from app.subtitles.cues import Cue
from app.videos.service import SourceFile

# An edit costs a part or two; each part costs the start of a process and of the encoder's threads.
PART_SECONDS = 25.0
# Parts are kept this much later, where no time is negative, not even one of decoding.
LATE_SECONDS = 3600
PART_FORMAT = "nut"  # keeps every time in the source's own ticks
SUBTITLE_TICK = 0.01
RESTARTED_CONTAINERS = frozenset({"mpegts", "mpeg", "ogg"})


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of the picture to encode, and the cues that are seen in it."""

    source: SourceFile
    division: Division
    stretch: Stretch
    cues: tuple[Cue, ...]
    output: OutputFormatter

    @property
    def seconds(self) -> float:
        start, end = _bounds(self.division, self.stretch, self.source.info.duration)
        return end - start

    @property
    def whole(self) -> bool:
        return self.stretch == Stretch()


class BurnedPicture:
    """Encodes pictures with subtitles in parts of about `part_seconds` that the memo keeps, one at a time."""

    def __init__(self, ffmpeg: FFmpegWrapper, memo: Memo, *, part_seconds: float = PART_SECONDS) -> None:
        self._ffmpeg = ffmpeg
        self._memo = memo
        self._part_seconds = part_seconds
        # One encoder takes all cores there are.
        self._turn = asyncio.Lock()

    async def make(
        self,
        source: SourceFile,
        cues: Sequence[Cue],
        style: SubtitleStyle,
        language: str,
        output: OutputFormatter,
        folder: Path,
        on_progress: ProgressCallback | None,
    ) -> Path:
        """A file in `folder` with the picture alone, upright and in standard range, the cues burned in.

        Every frame is shown at its own time on the source's clock: a track that starts late does so here,
        which FFmpeg has to be told again when it reads the file. Cues are in seconds on that clock; without
        any the picture is only encoded. `on_progress` is told fractions. Raises `Problem` as
        `FFmpegWrapper.run` does, and FONT_MISSING before anything is encoded.
        """
        await require_fonts(self._ffmpeg, (cue.text for cue in cues))
        division = await asyncio.to_thread(divide, source.path, source.info, self._part_seconds)
        parts = await asyncio.to_thread(_parts, source, division, cues, output)
        burner = SubtitleBurner(style, source.info.video, language)
        version = await self._ffmpeg.version()
        done = 0.0

        async def made(part: _Part) -> Path:
            nonlocal done
            report = _shared(on_progress, done, part.seconds, source.info.duration)
            file = await self._part(part, burner, version, folder, report)
            done += part.seconds
            if on_progress:
                on_progress(min(1.0, done / source.info.duration))
            return file

        files = await each_of(parts, made, at_once=1)
        target = folder / f"picture.{output.output_format}"
        if len(parts) == 1:
            return files[0].rename(target)
        await asyncio.to_thread(
            join_pictures,
            files,
            target,
            output.output_format,
            time_base=division.time_base,
            early=LATE_SECONDS,
            end=_end(division, source.info.duration),
        )
        return target

    async def _part(
        self,
        part: _Part,
        burner: SubtitleBurner,
        version: str,
        folder: Path,
        on_progress: ProgressCallback | None,
    ) -> Path:
        document = burner.document(part.cues) if part.cues else ""
        unit = _unit(part, document, version)
        made = folder / f"{unit.key}.{part.output.output_format if part.whole else PART_FORMAT}"

        async def make() -> Path:
            async with self._turn:
                await self._encode(part, burner, made, on_progress)
            return made

        kept = await self._memo.recall_file(unit, make, folder)
        await asyncio.to_thread(made.unlink, missing_ok=True)
        return kept

    async def _encode(
        self, part: _Part, burner: SubtitleBurner, target: Path, on_progress: ProgressCallback | None
    ) -> None:
        picture = _entered(part)
        if part.cues:
            subtitles = await asyncio.to_thread(burner.write, part.cues, target.with_suffix(".ass"))
            picture = burn_in(picture, subtitles)
        options = part.output.encoded_video()
        if part.whole:
            graph = media_output(target, picture, **options, **part.output.container())
        else:
            late = picture.filter("setpts", f"PTS+{round(LATE_SECONDS / part.division.time_base)}")
            graph = media_output(target, late, **options, f=PART_FORMAT, copyts=None)
        await self._ffmpeg.run(graph, duration=part.seconds, on_progress=on_progress)


def _parts(
    source: SourceFile, division: Division, cues: Sequence[Cue], output: OutputFormatter
) -> list[_Part]:
    return [
        _Part(source, division, stretch, _seen(cues, division, stretch, source.info.duration), output)
        for stretch in division.stretches
    ]


def _entered(part: _Part) -> FilterableStream:
    """The part's frames, at their times on the file's clock."""
    video, stretch = part.source.info.video, part.stretch
    if part.whole:
        return _on_the_clock(shown_picture(media_input(part.source.path), video), part)
    entry = {} if stretch.entry is None else {"ss": stretch.entry, "noaccurate_seek": None}
    picture = shown_picture(media_input(part.source.path, **entry), video)
    bounds = {"start_pts": stretch.start, "end_pts": stretch.end}
    cut = picture.filter("trim", **{name: tick for name, tick in bounds.items() if tick is not None})
    return cut.filter("setpts", f"PTS-{part.division.origin}")


def _on_the_clock(picture: FilterableStream, part: _Part) -> FilterableStream:
    """Of a transport stream FFmpeg lets the clock start with the first track that it is asked for."""
    if part.source.info.container not in RESTARTED_CONTAINERS:
        return picture
    late = round(Fraction(part.source.info.video.start) / part.division.time_base)
    return picture.filter("setpts", f"PTS+{late}")


def _unit(part: _Part, document: str, version: str) -> Unit:
    stretch = part.stretch
    return Unit(
        kind="picture",
        engine="ffmpeg",
        model=version,
        content=f"{part.source.key}\n{document}",
        parameters=(
            ("start", stretch.start),
            ("end", stretch.end),
            *((name, value) for name, value in part.output.encoded_video().items()),
            ("container", part.output.output_format if part.whole else PART_FORMAT),
        ),
    )


def _seen(cues: Iterable[Cue], division: Division, stretch: Stretch, duration: float) -> tuple[Cue, ...]:
    """The cues that are on screen at some time of the stretch."""
    start, end = _bounds(division, stretch, duration)
    begins = -SUBTITLE_TICK if stretch.start is None else start - SUBTITLE_TICK
    ends = float("inf") if stretch.end is None else end + SUBTITLE_TICK
    return tuple(cue for cue in cues if cue.start < ends and cue.end > begins)


def _bounds(division: Division, stretch: Stretch, duration: float) -> tuple[float, float]:
    """Where the stretch starts and ends, in seconds on the file's clock."""
    start = 0.0 if stretch.start is None else division.seconds(stretch.start)
    end = duration if stretch.end is None else division.seconds(stretch.end)
    return start, end


def _end(division: Division, duration: float) -> float:
    """When the last frame is over."""
    return duration if division.end is None else min(duration, division.seconds(division.end))


def _shared(
    on_progress: ProgressCallback | None, done: float, seconds: float, duration: float
) -> ProgressCallback | None:
    """Tells a part's progress as that of the whole."""
    if on_progress is None:
        return None
    return lambda fraction: on_progress(min(1.0, (done + fraction * seconds) / duration))
