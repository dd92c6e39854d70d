"""The picture with burned-in subtitles: made in parts, the same as if it were made in one go."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import ffmpeg as graphs
import numpy as np
import pytest
from numpy.typing import NDArray

from app.core.database import Database
from app.core.errors import ErrorCode, Problem
from app.media.ffmpeg import FFmpegWrapper, media_input, media_output
from app.media.keyframes import divide
from app.media.probe import probe
from app.memo import Memo
from app.render.burner import SubtitleStyle
from app.render.output import OutputFormat, OutputFormatter
from app.render.picture import BurnedPicture
from app.storage.manager import StorageManager
from app.subtitles.cues import Cue
from app.videos.service import SourceFile

SharedVideo = Callable[[str], Path]
CUES = tuple(Cue(second + 0.2, second + 1.1, f"Line {second}") for second in range(12))
ALIKE_DECIBELS = 30.0


@dataclass
class Workshop:
    """Makes pictures with one memo, each in a folder of its own as jobs do."""

    ffmpeg: FFmpegWrapper
    memo: Memo
    storage: StorageManager
    folder: Path
    made: int = 0

    async def picture(
        self,
        source: Path,
        cues: Sequence[Cue] = CUES,
        *,
        part_seconds: float = 1.0,
        output_format: OutputFormat = "mp4",
        progress: Callable[[float], None] | None = None,
    ) -> Path:
        self.made += 1
        folder = self.folder / str(self.made)
        folder.mkdir()
        return await BurnedPicture(self.ffmpeg, self.memo, part_seconds=part_seconds).make(
            SourceFile(source, probe(source), f"videos/{source.name}"),
            cues,
            SubtitleStyle(),
            "en",
            OutputFormatter(output_format),
            folder,
            progress,
        )

    async def kept(self) -> set[str]:
        return set(await self.storage.keys("memo/"))


@pytest.fixture
async def workshop(ffmpeg: FFmpegWrapper, tmp_path: Path) -> AsyncIterator[Workshop]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'app.sqlite'}")
    await database.migrate()
    storage = StorageManager(tmp_path / "storage", "test")
    memo = Memo(database, storage)
    yield Workshop(ffmpeg, memo, storage, tmp_path)
    await memo.close()
    await database.close()


async def moving(
    ffmpeg: FFmpegWrapper,
    path: Path,
    *,
    codec: str = "libx264",
    late: float = 0.0,
    uneven: bool = False,
    **options: str | int,
) -> Path:
    """Five seconds of a moving picture with sound, with a key frame about every second."""
    picture = graphs.input("testsrc2=s=256x144:r=30:d=5", f="lavfi")["v"]
    if uneven:
        picture = picture.filter("select", "not(mod(n,7))+lt(mod(n,90),30)")
    if late:
        picture = picture.filter("setpts", f"PTS+{late}/TB")
    if codec == "libx264":
        options = {"preset": "ultrafast", **options}
    sound = graphs.input("sine=d=5", f="lavfi")["a"]
    codecs = {"c:v": codec, "c:a": "libopus" if path.suffix == ".webm" else "aac"}
    await ffmpeg.run(media_output(path, picture, sound, g=30, **{"fps_mode:v": "vfr"}, **codecs, **options))
    return path


@pytest.fixture(scope="module")
async def source(ffmpeg: FFmpegWrapper, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the tests that ask nothing odd of it."""
    return await moving(ffmpeg, tmp_path_factory.mktemp("plain") / "clip.mp4", bf=3)


def shown(path: Path) -> list[tuple[Fraction, NDArray[np.float32]]]:
    """Every frame with its time."""
    with av.open(path) as container:
        tick = container.streams.video[0].time_base or Fraction(1)
        return [
            ((frame.pts or 0) * tick, frame.to_ndarray(format="gray")[::2, ::2].astype(np.float32))
            for frame in container.decode(video=0)
        ]


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The peak signal-to-noise ratio in dB."""
    return float(10 * np.log10(255**2 / max(float(np.mean((one - other) ** 2)), 1e-6)))


def assert_same(parts: Path, whole: Path) -> None:
    one, other = shown(parts), shown(whole)
    assert [time for time, _ in one] == [time for time, _ in other]
    worst = min(likeness(frame, twin) for (_, frame), (_, twin) in zip(one, other, strict=True))
    assert worst > ALIKE_DECIBELS


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("reordered.mp4", {"bf": 3}),
        ("open.mp4", {"bf": 3, "x264-params": "open-gop=1:scenecut=0"}),
        ("refreshed.mkv", {"bf": 0, "x264-params": "intra-refresh=1"}),
        ("fragmented.mp4", {"movflags": "+frag_keyframe+empty_moov"}),
        ("late.mp4", {"late": 0.7, "bf": 3}),
        ("uneven.mkv", {"uneven": True, "bf": 3}),
        ("plain.webm", {"codec": "libvpx-vp9", "deadline": "realtime", "cpu-used": 8}),
        ("intra.mov", {"codec": "mjpeg"}),
    ],
)
async def test_parts_are_the_same_as_one_run(
    workshop: Workshop, tmp_path: Path, name: str, options: dict[str, str | int]
) -> None:
    source = await moving(workshop.ffmpeg, tmp_path / name, **options)  # type: ignore[arg-type]
    assert len(divide(source, probe(source), 1.0).stretches) > 2
    assert_same(await workshop.picture(source), await workshop.picture(source, part_seconds=60))


@pytest.mark.parametrize("output_format", ["mov", "webm"])
async def test_every_format_is_joined(
    workshop: Workshop, tmp_path: Path, output_format: OutputFormat
) -> None:
    source = await moving(workshop.ffmpeg, tmp_path / "late.mkv", late=0.5, bf=3)
    joined = await workshop.picture(source, output_format=output_format)
    assert_same(joined, await workshop.picture(source, output_format=output_format, part_seconds=60))
    assert float(shown(joined)[0][0]) == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("cut.mp4", {"ss": 0.5}),  # an edit list leaves out what is before
        ("rotated.mp4", {"display_rotation": 90}),
    ],
)
async def test_odd_files_are_joined_exactly(
    workshop: Workshop, source: Path, tmp_path: Path, name: str, entry: dict[str, float]
) -> None:
    odd = tmp_path / name
    await workshop.ffmpeg.run(media_output(odd, media_input(source, **entry), c="copy"))
    assert len(divide(odd, probe(odd), 1.0).stretches) > 1
    assert_same(await workshop.picture(odd), await workshop.picture(odd, part_seconds=60))


@pytest.mark.parametrize("name", ["mkv_delayed.mkv", "vp9_10bit.webm"])
async def test_odd_videos_are_joined_exactly(
    workshop: Workshop, shared_video: SharedVideo, name: str
) -> None:
    source = shared_video(name)
    assert len(divide(source, probe(source), 1.0).stretches) > 1
    assert_same(await workshop.picture(source), await workshop.picture(source, part_seconds=60))


async def test_a_late_picture_in_a_transport_stream_stays_late(workshop: Workshop, tmp_path: Path) -> None:
    source = await moving(workshop.ffmpeg, tmp_path / "late.ts", late=0.7)
    start = probe(source).video.start
    assert start > 0.6
    assert float(shown(await workshop.picture(source))[0][0]) == pytest.approx(start, abs=0.001)


async def test_an_edit_is_encoded_alone(workshop: Workshop, source: Path) -> None:
    before = shown(await workshop.picture(source))
    kept = await workshop.kept()
    edited = [Cue(cue.start, cue.end, "Something else") if cue is CUES[3] else cue for cue in CUES]
    after = shown(await workshop.picture(source, edited))
    assert 1 <= len(await workshop.kept() - kept) <= 2
    differing = [
        float(time)
        for (time, one), (_, other) in zip(before, after, strict=True)
        if likeness(one, other) < 60
    ]
    assert differing
    assert min(differing) >= 3.0
    assert max(differing) < 5.0


async def test_a_cue_across_a_joint_is_seen_on_both_sides(workshop: Workshop, source: Path) -> None:
    joint = divide(source, probe(source), 1.0).seconds(30 * 512)
    cue = Cue(joint - 0.5, joint + 0.5, "A line of text that goes across the joint")
    plain, titled = shown(await workshop.picture(source, ())), shown(await workshop.picture(source, [cue]))
    seen = [
        float(time)
        for (time, one), (_, other) in zip(plain, titled, strict=True)
        if likeness(one, other) < 32
    ]
    assert seen[0] == pytest.approx(cue.start, abs=0.04)
    assert seen[-1] == pytest.approx(cue.end, abs=0.04)
    assert len(seen) == pytest.approx(30, abs=1)


async def test_what_was_finished_before_a_cancellation_is_not_made_again(
    workshop: Workshop, source: Path
) -> None:
    halfway = asyncio.Event()
    task = asyncio.create_task(
        workshop.picture(source, progress=lambda fraction: halfway.set() if fraction > 0.3 else None)
    )
    await halfway.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    finished = await workshop.kept()
    assert finished
    whole = await workshop.picture(source)
    assert finished < await workshop.kept()
    assert len(shown(whole)) == 150


async def test_progress_runs_over_the_parts(workshop: Workshop, source: Path) -> None:
    told: list[float] = []
    await workshop.picture(source, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0, abs=0.01)
    assert len([fraction for fraction in told if 0.1 < fraction < 0.9]) >= 3


async def test_without_a_font_nothing_is_encoded(workshop: Workshop, source: Path) -> None:
    with pytest.raises(Problem) as problem:
        await workshop.picture(source, [Cue(0, 1, "\U00012000\U00012001")])  # cuneiform
    assert problem.value.code == ErrorCode.FONT_MISSING
    assert not await workshop.kept()
