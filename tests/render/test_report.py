"""The report: the plan beside what is measured."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.media.probe import probe
from app.render.report import LinePlan, TrackPlan, report_on, store_report
from app.render.report_schemas import PLOT, REPORT, DubReport
from app.videos.service import SourceFile
from tests.media.babble import Laid, babble, mixed
from tests.render.studio import Studio, encode


@pytest.fixture
async def report(studio: Studio) -> AsyncIterator[DubReport]:
    """Of a file of 9 s: a line in place, one 60 ms late that runs into the next, one cut short, one that
    failed, and one that is not in the file."""
    clips = [babble(1.0, seed) for seed in range(5)]
    starts = (0.5, 2.0, 3.04, 5.0, 7.5)
    placed = [
        await studio.placed(n, clip, start) for n, (clip, start) in enumerate(zip(clips, starts, strict=True))
    ]
    short = replace(clips[3], samples=clips[3].samples[:-4_000])
    laid = [Laid(clips[0], 0.5), Laid(clips[1], 2.06), Laid(clips[2], 3.04), Laid(short, 5.0)]
    dub = encode(studio.folder / "dub.mov", mixed(9, [*laid, Laid(babble(9, 9), 0.0, 0.1)]))
    source = encode(studio.folder / "source.mov", mixed(10, []))
    lines = [
        replace(_line(line.id, line.start), clip=line.clip, speed=1.0 + line.id / 10, cost=0.001)
        for line in placed
    ]
    failed = replace(_line(9, 6.2), failed=True)
    plan = TrackPlan("es", (*lines[:4], failed, lines[4]), max_shift=0.12)
    measured = await studio.measure(dub, placed)
    made = await report_on(dub, probe(dub), SourceFile(source, probe(source), "key"), [plan], measured)
    await store_report(made, "dubs/1/", studio.storage)
    yield made


def _line(number: int, start: float) -> LinePlan:
    return LinePlan(
        id=number,
        slot_start=start - 0.1,
        slot_end=start + 1.0,
        placed_start=start,
        duration=1.0,
        speed=1.0,
        borrowed=0.0,
        moved=0.1,
        overflow=0.0,
    )


async def test_a_report_tells_plan_and_truth(report: DubReport) -> None:
    (track,) = report.tracks
    in_place, late, *_ = track.segments
    assert (in_place.planned_start, in_place.placed_start, in_place.moved) == (0.4, 0.5, 0.1)
    assert in_place.measured_onset == pytest.approx(0.5, abs=0.004)
    assert late.onset_error == pytest.approx(0.06, abs=0.004)
    assert [segment.id for segment in track.segments if segment.truncated] == [3]
    assert track.truncations == 1
    assert track.overlaps == 1
    assert track.failed_segments == [9]
    assert track.unheard_segments == [4]


async def test_a_report_sums_up(report: DubReport) -> None:
    (track,) = report.tracks
    assert track.onset_error is not None
    assert track.onset_error.worst == pytest.approx(0.06, abs=0.004)
    assert track.onset_error.mean == pytest.approx(0.015, abs=0.004)
    assert track.speed is not None
    assert (track.speed.highest, track.speed.gentle_share) == (1.4, 0.6)
    assert track.cost == report.cost == pytest.approx(0.005)
    assert report.duration_difference == pytest.approx(-1.0, abs=0.01)
    assert report.picture_difference == pytest.approx(-1.0, abs=0.01)
    assert track.duration_difference == pytest.approx(-1.0, abs=0.01)


async def test_a_report_tells_how_far_the_speech_is_from_the_subtitles(report: DubReport) -> None:
    (track,) = report.tracks
    errors = track.subtitle_error
    assert errors is not None
    assert errors.p95 == errors.worst == pytest.approx(0.16, abs=0.004)
    assert (errors.beyond_40_ms, errors.max_shift, errors.beyond_max_shift) == (4, 0.12, 1)


async def test_a_report_is_kept_beside_the_dub(report: DubReport, studio: Studio) -> None:
    kept = await studio.storage.read_bytes(f"dubs/1/{REPORT}")
    assert DubReport.model_validate_json(kept) == report
    assert (await studio.storage.read_bytes(f"dubs/1/{PLOT}")).startswith(b"<svg")
