"""The report of a dub: its plan beside what is measured in the finished file."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.media.packets import picture_end
from app.media.probe import MediaInfo
from app.render.measuring import HeardLine, MeasuredTrack
from app.render.plot import draw_report
from app.render.report_schemas import (
    PLOT,
    REPORT,
    DubReport,
    OnsetErrors,
    SegmentReport,
    Speeds,
    SubtitleErrors,
    TrackReport,
)
from app.storage.manager import StorageManager
from app.tts.choosing import limits_of
from app.tts.models import SpeechSegment
from app.tts.schemas import SpeechOptions
from app.tts.storage import SpokenTrack
from app.videos.service import SourceFile

GENTLE_SPEED = 1.2
SAME_SPEED = 0.0005
ON_TIME_SECONDS = 0.04
MEASURED_SECONDS = 0.005
"""How exactly an onset is measured."""
OVERLAP_SECONDS = 0.01
"""Less than that is not heard, and not measured for certain."""


@dataclass(frozen=True, slots=True)
class LinePlan:
    """A line as the timeline has it, times in seconds. `slot_start` and `slot_end` are its subtitle's; `clip`
    is the key of its sound, None where nothing is to be heard; `cost` in US dollars, None if not known."""

    id: int
    slot_start: float
    slot_end: float
    placed_start: float
    duration: float
    speed: float
    borrowed: float
    moved: float
    overflow: float
    attempts: int = 1
    rewrites: int = 0
    cost: float | None = None
    clip: str | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """The lines of an audio track in order of time, and how late they might begin (`max_shift`, seconds)."""

    language: str
    lines: tuple[LinePlan, ...]
    max_shift: float


def track_plan(spoken: SpokenTrack) -> TrackPlan:
    """The plan of a track as it is stored."""
    limits = limits_of(SpeechOptions.model_validate(spoken.row.options))
    lines = tuple(_line_plan(segment) for segment in spoken.segments)
    return TrackPlan(spoken.row.language, lines, limits.max_shift)


async def report_on(
    dub: Path,
    info: MediaInfo,
    source: SourceFile,
    tracks: Sequence[TrackPlan],
    measured: Sequence[MeasuredTrack],
) -> DubReport:
    """On the finished file `dub`, of which `info` is known, and what was `measured` in its first audio
    tracks, which are `tracks` in that order."""
    picture = await asyncio.to_thread(_picture_difference, dub, source)
    reports = [
        _track_report(plan, track, source.info.duration) for plan, track in zip(tracks, measured, strict=True)
    ]
    return DubReport(
        duration=info.duration,
        source_duration=source.info.duration,
        duration_difference=round(info.duration - source.info.duration, 3),
        picture_difference=picture,
        cost=_sum([report.cost for report in reports]),
        tracks=reports,
    )


async def store_report(report: DubReport, objects: str, storage: StorageManager) -> None:
    """The report and its plot, under the prefix of the dub's objects."""
    await storage.put_bytes(f"{objects}{REPORT}", report.model_dump_json().encode())
    plot = await asyncio.to_thread(draw_report, report)
    await storage.put_bytes(f"{objects}{PLOT}", plot.encode())


def _line_plan(segment: SpeechSegment) -> LinePlan:
    return LinePlan(
        id=segment.id,
        slot_start=segment.start_time,
        slot_end=segment.end_time,
        placed_start=segment.placed_start,
        duration=segment.duration,
        speed=segment.speed,
        borrowed=segment.borrowed,
        moved=segment.moved,
        overflow=segment.overflow,
        attempts=segment.attempts,
        rewrites=segment.rewrites,
        cost=segment.cost,
        clip=segment.clip,
        failed=segment.failure is not None,
    )


def _picture_difference(dub: Path, source: SourceFile) -> float | None:
    """Seconds."""
    ends = [picture_end(path, source.info.duration) for path in (dub, source.path)]
    return None if ends[0] is None or ends[1] is None else round(ends[0] - ends[1], 3)


def _track_report(plan: TrackPlan, measured: MeasuredTrack, source_duration: float) -> TrackReport:
    heard = {line.id: line for line in measured.lines}
    segments = [_segment_report(line, heard.get(line.id)) for line in plan.lines]
    return TrackReport(
        language=plan.language,
        duration_difference=round(measured.end - source_duration, 3),
        lufs=_finite(measured.lufs),
        true_peak=_finite(measured.true_peak),
        onset_error=_onset_errors(segments),
        subtitle_error=_subtitle_errors(segments, plan.max_shift),
        speed=_speeds([line.speed for line in plan.lines if line.clip is not None]),
        overlaps=_overlaps(segments),
        truncations=sum(segment.truncated for segment in segments),
        overflowing_segments=[segment.id for segment in segments if segment.overflow > 0],
        failed_segments=[segment.id for segment in segments if segment.failed],
        unheard_segments=[line.id for line in measured.lines if line.onset is None],
        cost=_sum([segment.cost for segment in segments]),
        segments=segments,
    )


def _segment_report(line: LinePlan, heard: HeardLine | None) -> SegmentReport:
    onset = None if heard is None else heard.onset
    end = None if heard is None else heard.end
    return SegmentReport(
        id=line.id,
        planned_start=line.slot_start,
        planned_end=line.slot_end,
        placed_start=line.placed_start,
        moved=line.moved,
        measured_onset=None if onset is None else round(line.placed_start + onset, 3),
        measured_end=None if end is None else round(line.placed_start + end, 3),
        onset_error=None if onset is None else round(onset, 3),
        speed=round(line.speed, 4),
        borrowed=line.borrowed,
        overflow=line.overflow,
        attempts=line.attempts,
        rewrites=line.rewrites,
        loudness=None if heard is None else heard.loudness,
        cost=line.cost,
        failed=line.failed,
        truncated=heard is not None and heard.cut,
    )


def _onset_errors(segments: Sequence[SegmentReport]) -> OnsetErrors | None:
    errors = np.array([abs(segment.onset_error) for segment in segments if segment.onset_error is not None])
    if not len(errors):
        return None
    return OnsetErrors(
        mean=round(float(np.mean(errors)), 4), p95=_p95(errors), worst=round(float(np.max(errors)), 4)
    )


def _subtitle_errors(segments: Sequence[SegmentReport], max_shift: float) -> SubtitleErrors | None:
    errors = np.array(
        [
            abs(segment.measured_onset - segment.planned_start)
            for segment in segments
            if segment.measured_onset is not None
        ]
    )
    if not len(errors):
        return None
    return SubtitleErrors(
        p95=_p95(errors),
        worst=round(float(np.max(errors)), 4),
        beyond_40_ms=int(np.sum(errors > ON_TIME_SECONDS)),
        max_shift=max_shift,
        beyond_max_shift=int(np.sum(errors > max_shift + MEASURED_SECONDS)),
    )


def _p95(errors: NDArray[np.float64]) -> float:
    return round(float(np.percentile(errors, 95, method="higher")), 4)


def _speeds(speeds: Sequence[float]) -> Speeds | None:
    if not speeds:
        return None
    gentle = sum(speed <= GENTLE_SPEED + SAME_SPEED for speed in speeds)
    return Speeds(highest=round(max(speeds), 4), gentle_share=round(gentle / len(speeds), 4))


def _overlaps(segments: Sequence[SegmentReport]) -> int:
    spoken = sorted(
        (segment.measured_onset, segment.measured_end)
        for segment in segments
        if segment.measured_onset is not None and segment.measured_end is not None
    )
    return sum(following[0] < line[1] - OVERLAP_SECONDS for line, following in pairwise(spoken))


def _sum(costs: Sequence[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return round(math.fsum(known), 6) if known else None


def _finite(level: float) -> float | None:
    return round(level, 2) if math.isfinite(level) else None
