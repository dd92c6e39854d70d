"""The report as a picture: what is drawn where, and that nothing in it breaks the document."""

from xml.etree.ElementTree import Element, fromstring

import pytest

from app.render.plot import draw_report
from app.render.report_schemas import DubReport, OnsetErrors, SegmentReport, Speeds, TrackReport

SVG = "{http://www.w3.org/2000/svg}"


def segment(number: int, start: float, end: float, **facts: object) -> SegmentReport:
    known: dict[str, object] = {
        "id": number,
        "planned_start": start,
        "planned_end": end,
        "placed_start": start,
        "moved": 0.0,
        "measured_onset": start + 0.015,
        "measured_end": end,
        "onset_error": 0.015,
        "speed": 1.0,
        "borrowed": 0.0,
        "overflow": 0.0,
        "attempts": 1,
        "rewrites": 0,
        "loudness": -16.0,
        "cost": None,
        "failed": False,
        "truncated": False,
    }
    return SegmentReport.model_validate(known | facts)


def report(duration: float, segments: list[SegmentReport], language: str = "es") -> DubReport:
    track = TrackReport(
        language=language,
        duration_difference=0.0,
        lufs=-16.0,
        true_peak=-1.5,
        onset_error=OnsetErrors(mean=0.015, p95=0.015, worst=0.015),
        speed=Speeds(highest=1.0, gentle_share=1.0),
        overlaps=0,
        truncations=0,
        overflowing_segments=[],
        failed_segments=[],
        unheard_segments=[],
        cost=None,
        segments=segments,
    )
    return DubReport(
        duration=duration,
        source_duration=duration,
        duration_difference=0.0,
        picture_difference=0.0,
        cost=None,
        tracks=[track],
    )


def drawn(document: str) -> list[Element]:
    """A group for each segment, with its title first."""
    groups = fromstring(document).iter(f"{SVG}g")
    return [group for group in groups if group.find(f"{SVG}title") is not None]


def boxes(group: Element) -> list[tuple[str | None, float, float]]:
    """Class, left edge and width of each box."""
    return [
        (box.get("class"), float(box.get("x", "")), float(box.get("width", "")))
        for box in group.iter(f"{SVG}rect")
    ]


@pytest.mark.parametrize(("speed", "name"), [(0.9, "a"), (1.0, "a"), (1.2, "b"), (1.25, "c"), (1.4, "d")])
def test_speech_is_coloured_by_its_speed(speed: float, name: str) -> None:
    (group,) = drawn(draw_report(report(20, [segment(3, 5.0, 8.0, speed=speed)])))
    ((drawn_as, _, _),) = boxes(group)
    assert drawn_as == name
    assert f"{speed:.2f}×" in (group.findtext(f"{SVG}title") or "")


def test_speech_stands_where_it_is_heard() -> None:
    one, other = drawn(draw_report(report(20, [segment(0, 5.0, 8.0), segment(1, 10.0, 13.0)])))
    ((_, left, width),), ((_, next_left, _),) = boxes(one), boxes(other)
    assert width / (next_left - left) == pytest.approx(2.985 / 5.0, abs=0.01)


def test_a_line_that_goes_on_in_the_next_row() -> None:
    (group,) = drawn(draw_report(report(90, [segment(0, 29.0, 32.0, measured_onset=29.0)])))
    (_, _, first), (_, _, second) = boxes(group)
    assert second / first == pytest.approx(2.0, abs=0.02)


def test_what_went_wrong_is_marked() -> None:
    missing: dict[str, object] = {"measured_onset": None, "measured_end": None, "onset_error": None}
    groups = drawn(
        draw_report(
            report(
                30,
                [
                    segment(0, 1.0, 3.0, **missing, failed=True),
                    segment(1, 4.0, 6.0, **missing),
                    segment(2, 7.0, 9.0, overflow=0.5),
                    segment(3, 12.0, 14.0, truncated=True),
                ],
            )
        )
    )
    assert [[name for name, _, _ in boxes(group)] for group in groups] == [
        ["f"],
        ["u"],
        ["a", "o"],
        ["a", "o"],
    ]
    titles = [group.findtext(f"{SVG}title") or "" for group in groups]
    for title, words in zip(titles, ("failed", "not found", "overflow +500 ms", "cut off"), strict=True):
        assert words in title


def test_texts_are_escaped() -> None:
    document = draw_report(report(20, [], language="<script>&"))
    fromstring(document)
    assert "<script>" not in document


def test_a_long_video_stays_small() -> None:
    lines = [segment(number, 3.6 * number, 3.6 * number + 3) for number in range(2000)]
    document = draw_report(report(7200, lines))
    assert len(drawn(document)) == 2000
    assert len(document) < 400_000


def test_a_video_without_a_line() -> None:
    assert drawn(draw_report(report(0.4, []))) == []
