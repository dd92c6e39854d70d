"""A dub's report as a picture: the slots of the subtitles and the speech in them, as an SVG document."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from app.render.report_schemas import DubReport, SegmentReport, TrackReport

WIDTH = 1200
MARGIN = 24
LABELS = 46
LEFT = MARGIN + LABELS
HEADER = 100
TRACK_HEADER = 62
ROW = 34
SLOT_HEIGHT = 22
SPEECH_HEIGHT = 10
CUT_WIDTH = 3
TICK_SECONDS = 5
SHORT_SECONDS = 300

SPEED_CLASSES = (
    (1.0, "a", "as spoken"),
    (1.2, "b", "up to 1.2×"),
    (1.3, "c", "up to 1.3×"),
    (math.inf, "d", "faster"),
)
SAME_SPEED = 0.0005

STYLE = """
svg{--paper:#fff;--ink:#1d2430;--soft:#667085;--line:#e6e9ef;--slot:#dbe2ec;--a:#2f7fc1;--b:#2a9d78;
--c:#e2a008;--d:#8e3b9e;--bad:#d1342f;font:12px system-ui,sans-serif}
@media(prefers-color-scheme:dark){svg{--paper:#12161d;--ink:#e8ecf3;--soft:#93a0b4;--line:#232a35;
--slot:#303a49;--a:#5aa9ea;--b:#45c79b;--c:#f2bd42;--d:#c583d6;--bad:#ff6b63}}
text{fill:var(--soft)}.t{fill:var(--ink);font-size:18px;font-weight:600}
.h{fill:var(--ink);font-size:14px;font-weight:600}.e{text-anchor:end}.m{text-anchor:middle}
.p{fill:var(--paper)}.g{stroke:var(--line);fill:none}.s{fill:var(--slot)}
.a{fill:var(--a)}.b{fill:var(--b)}.c{fill:var(--c)}.d{fill:var(--d)}
.o{fill:var(--bad)}.f{fill:none;stroke:var(--bad);stroke-width:1.5;stroke-dasharray:4 3}
.u{fill:none;stroke:var(--soft);stroke-width:1.5;stroke-dasharray:2 3}
""".replace("\n", "")


def draw_report(report: DubReport) -> str:
    """The timeline of every track, wrapped into rows of half a minute or a minute."""
    scale = _Scale(report.source_duration)
    height = HEADER + sum(scale.track_height for _ in report.tracks) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="Timeline of the dub">',
        f'<style>{STYLE}</style><rect class="p" width="{WIDTH}" height="{height}"/>',
        *_header(report),
    ]
    for number, track in enumerate(report.tracks):
        parts += _track(track, scale, HEADER + number * scale.track_height)
    return "\n".join([*parts, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where seconds are in the picture."""

    duration: float

    @property
    def row_seconds(self) -> int:
        return 30 if self.duration <= SHORT_SECONDS else 60

    @property
    def rows(self) -> int:
        return max(1, math.ceil(self.duration / self.row_seconds))

    @property
    def track_height(self) -> int:
        return TRACK_HEADER + self.rows * ROW

    @property
    def pixels_per_second(self) -> float:
        return (WIDTH - LEFT - MARGIN) / self.row_seconds

    def x(self, second: float) -> float:
        """Of a second of a row."""
        return LEFT + second * self.pixels_per_second

    def pieces(self, start: float, end: float) -> Iterator[tuple[int, float, float]]:
        """The row, left edge and width of each part of a span, which may go on in the next row."""
        end = max(start, min(end, self.rows * self.row_seconds))
        for row in range(int(start // self.row_seconds), int(end // self.row_seconds) + 1):
            first = max(0.0, start - row * self.row_seconds)
            last = min(float(self.row_seconds), end - row * self.row_seconds)
            if last > first:
                yield row, self.x(first), (last - first) * self.pixels_per_second


def _header(report: DubReport) -> Iterator[str]:
    yield f'<text class="t" x="{MARGIN}" y="36">How well the dub keeps to its plan</text>'
    summary = f"{_clock(report.duration)}, {report.duration_difference * 1000:+.0f} ms against the source"
    yield f'<text class="e" x="{WIDTH - MARGIN}" y="36">{summary}</text>'
    left = MARGIN
    for symbol, words in _legend():
        yield f'<g transform="translate({left} 58)">{symbol}<text x="34" y="15">{words}</text></g>'
        left += 52 + 7 * len(words)


def _legend() -> Iterator[tuple[str, str]]:
    yield f'<rect class="s" width="26" height="{SLOT_HEIGHT}" rx="3"/>', "subtitle"
    for _, name, words in SPEED_CLASSES:
        yield f'<rect class="{name}" y="6" width="26" height="{SPEECH_HEIGHT}" rx="2"/>', words
    yield f'<rect class="o" y="6" width="26" height="{SPEECH_HEIGHT}" rx="2"/>', "beyond its time"
    yield f'<rect class="o" x="20" width="{CUT_WIDTH}" height="{SLOT_HEIGHT}"/>', "a part is missing"
    yield f'<rect class="f" x="1" y="1" width="24" height="{SLOT_HEIGHT - 2}" rx="3"/>', "failed"
    yield f'<rect class="u" x="1" y="1" width="24" height="{SLOT_HEIGHT - 2}" rx="3"/>', "not found"


def _track(track: TrackReport, scale: _Scale, top: float) -> Iterator[str]:
    yield f'<g transform="translate(0 {top})">'
    language, facts = escape(track.language), escape(" · ".join(_summary(track)))
    yield (
        f'<text x="{MARGIN}" y="18"><tspan class="h">{language}</tspan><tspan dx="14">{facts}</tspan></text>'
    )
    yield from _axis(scale)
    yield f'<path class="s" d="{"".join(_slots(track.segments, scale))}"/>'
    for segment in track.segments:
        yield from _segment(segment, scale)
    yield "</g>"


def _summary(track: TrackReport) -> Iterator[str]:
    yield f"{len(track.segments)} lines"
    if track.onset_error is not None:
        error = track.onset_error
        mean, p95, worst = (f"{value * 1000:.0f}" for value in (error.mean, error.p95, error.worst))
        yield f"starts {mean} ms off on average, p95 {p95} ms, at worst {worst} ms"
    if track.speed is not None:
        yield f"fastest {track.speed.highest:.2f}×"
    if track.lufs is not None and track.true_peak is not None:
        yield f"{track.lufs:.1f} LUFS, {track.true_peak:.1f} dBTP".replace("-", "−")
    counts = {
        "overlapping": track.overlaps,
        "cut off": track.truncations,
        "failed": len(track.failed_segments),
        "not found": len(track.unheard_segments),
    }
    yield from (f"{count} {what}" for what, count in counts.items() if count)


def _axis(scale: _Scale) -> Iterator[str]:
    bottom = TRACK_HEADER + scale.rows * ROW - ROW + SLOT_HEIGHT
    ticks = range(0, scale.row_seconds + 1, TICK_SECONDS)
    lines = "".join(f"M{scale.x(tick):.1f} {TRACK_HEADER - 8}V{bottom}" for tick in ticks)
    yield f'<path class="g" d="{lines}"/>'
    for tick in ticks:
        yield f'<text class="m" x="{scale.x(tick):.1f}" y="{TRACK_HEADER - 14}">{tick} s</text>'
    for row in range(scale.rows):
        label = _clock(row * scale.row_seconds)
        yield f'<text class="e" x="{LEFT - 8}" y="{_row_top(row) + 15}">{label}</text>'


def _slots(segments: Iterable[SegmentReport], scale: _Scale) -> Iterator[str]:
    for segment in segments:
        for row, left, width in scale.pieces(segment.planned_start, segment.planned_end):
            yield f"M{left:.1f} {_row_top(row)}h{width:.1f}v{SLOT_HEIGHT}h-{width:.1f}z"


def _segment(segment: SegmentReport, scale: _Scale) -> Iterator[str]:
    onset, end = segment.measured_onset, segment.measured_end
    if onset is None or end is None:
        missing = "f" if segment.failed else "u"
        boxes = _boxes(scale, segment.planned_start, segment.planned_end, missing, SLOT_HEIGHT)
    else:
        name = next(name for limit, name, _ in SPEED_CLASSES if segment.speed <= limit + SAME_SPEED)
        own = max(onset, end - segment.overflow)
        boxes = [
            *_boxes(scale, onset, own, name, SPEECH_HEIGHT),
            *_boxes(scale, own, end, "o", SPEECH_HEIGHT),
        ]
        if segment.truncated:
            boxes += _boxes(scale, end, end + CUT_WIDTH / scale.pixels_per_second, "o", SLOT_HEIGHT)
    yield f"<g><title>{_told(segment)}</title>{''.join(boxes)}</g>"


def _boxes(scale: _Scale, start: float, end: float, name: str, height: int) -> list[str]:
    return [
        f'<rect class="{name}" x="{left:.1f}" y="{_row_top(row) + (SLOT_HEIGHT - height) // 2}" '
        f'width="{width:.1f}" height="{height}"/>'
        for row, left, width in scale.pieces(start, end)
    ]


def _told(segment: SegmentReport) -> str:
    facts = [f"#{segment.id}", f"{segment.planned_start:.2f}–{segment.planned_end:.2f} s"]
    if segment.failed:
        facts.append("failed")
    elif segment.onset_error is None:
        facts.append("not found")
    else:
        facts += [f"{segment.speed:.2f}×", f"{segment.onset_error * 1000:+.0f} ms"]
    for what, seconds in (("moved", segment.moved), ("overflow", segment.overflow)):
        if seconds:
            facts.append(f"{what} {seconds * 1000:+.0f} ms")
    if segment.truncated:
        facts.append("cut off")
    return " · ".join(facts)


def _row_top(row: int) -> int:
    return TRACK_HEADER + row * ROW


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
