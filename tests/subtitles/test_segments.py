"""Edits of segments: only what is named changes, and what cannot be is refused by its place."""

import math

import pytest

from app.core.errors import ErrorCode, Problem
from app.subtitles.engines.base import Word
from app.subtitles.segments import Segment, SegmentChange, apply_changes, summarise

SEGMENTS = (
    Segment(0, 0.0, 4.5, "Hello.", confidence=0.98, words=(Word(0.1, 0.6, "Hello."),)),
    Segment(1, 4.8, 9.2, "World.", confidence=0.9, original_text="세계."),
    Segment(7, 10.0, 12.0, "Bye."),
)


def refusal(*changes: SegmentChange, duration: float | None = 12.0) -> Problem:
    with pytest.raises(Problem) as caught:
        apply_changes(SEGMENTS, changes, duration=duration)
    return caught.value


def test_only_the_named_segment_changes() -> None:
    after = apply_changes(SEGMENTS, [SegmentChange(1, text=" Earth. ")], duration=12.0)
    assert after == (SEGMENTS[0], Segment(1, 4.8, 9.2, "Earth.", original_text="세계."), SEGMENTS[2])


def test_times_change_without_what_was_heard() -> None:
    (first, *_) = apply_changes(SEGMENTS, [SegmentChange(0, start=0.2, text="Hello.")], duration=12.0)
    assert (first.start, first.end) == (0.2, 4.5)
    assert (first.confidence, first.words) == (0.98, SEGMENTS[0].words)


def test_changed_text_was_not_heard() -> None:
    (first, *_) = apply_changes(SEGMENTS, [SegmentChange(0, text="Hi.")], duration=12.0)
    assert (first.confidence, first.words) == (None, ())


def test_an_unknown_id_adds_in_order_of_time_and_ids_stay() -> None:
    after = apply_changes(
        SEGMENTS,
        [SegmentChange(9, start=9.3, end=9.9, text="New."), SegmentChange(0, deleted=True)],
        duration=None,
    )
    assert [segment.id for segment in after] == [1, 9, 7]


def test_segments_may_change_places() -> None:
    after = apply_changes(
        SEGMENTS, [SegmentChange(0, start=4.8, end=9.2), SegmentChange(1, start=0.0, end=4.8)], duration=12.0
    )
    assert [segment.id for segment in after] == [1, 0, 7]


def test_an_end_may_lie_just_past_the_video() -> None:
    assert apply_changes(SEGMENTS, [SegmentChange(7, end=12.5)], duration=12.0)[-1].end == 12.5


@pytest.mark.parametrize(
    ("changes", "code", "field", "details"),
    [
        (
            [SegmentChange(1, text="a"), SegmentChange(1, text="b")],
            ErrorCode.SEGMENT_DUPLICATED,
            "segments.1.id",
            {"segment_id": 1},
        ),
        (
            [SegmentChange(5, deleted=True)],
            ErrorCode.SEGMENT_NOT_FOUND,
            "segments.0.id",
            {"segment_id": 5},
        ),
        (
            [SegmentChange(5, start=1, text="a")],
            ErrorCode.SEGMENT_INCOMPLETE,
            "segments.0.end",
            {"segment_id": 5, "missing": "end"},
        ),
        (
            [SegmentChange(0), SegmentChange(5, start=13, end=14)],
            ErrorCode.SEGMENT_INCOMPLETE,
            "segments.1.text",
            {"segment_id": 5, "missing": "text"},
        ),
        (
            [SegmentChange(0, text=" <i>\n</i> ")],
            ErrorCode.SEGMENT_INCOMPLETE,
            "segments.0.text",
            {"segment_id": 0, "missing": "text"},
        ),
        (
            [SegmentChange(0, end=0.0)],
            ErrorCode.SEGMENT_TIMES_INVALID,
            "segments.0.end",
            {"segment_id": 0, "start": 0.0, "end": 0.0},
        ),
        (
            [SegmentChange(0, start=-1.0)],
            ErrorCode.SEGMENT_TIMES_INVALID,
            "segments.0.start",
            {"segment_id": 0, "start": -1.0, "end": 4.5},
        ),
        (
            [SegmentChange(7, end=12.6)],
            ErrorCode.SEGMENT_BEYOND_VIDEO,
            "segments.0.end",
            {"segment_id": 7, "duration": 12.0},
        ),
        (
            [SegmentChange(7, text="x"), SegmentChange(0, end=5.0)],
            ErrorCode.SEGMENT_OVERLAP,
            "segments.1.end",
            {"segment_id": 0, "other_id": 1},
        ),
        (
            [SegmentChange(7, start=9.0)],
            ErrorCode.SEGMENT_OVERLAP,
            "segments.0.start",
            {"segment_id": 7, "other_id": 1},
        ),
        (
            [SegmentChange(3, start=0.0, end=12.0, text="over all")],
            ErrorCode.SEGMENT_OVERLAP,
            "segments.0.start",
            {"segment_id": 3, "other_id": 0},
        ),
    ],
)
def test_what_cannot_be_is_refused_by_its_place(
    changes: list[SegmentChange], code: ErrorCode, field: str, details: dict[str, str | float]
) -> None:
    problem = refusal(*changes)
    assert (problem.code, problem.field, problem.details) == (code, field, details)


@pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf])
def test_times_that_are_no_times(time: float) -> None:
    assert refusal(SegmentChange(7, start=time), duration=None).code is ErrorCode.SEGMENT_TIMES_INVALID
    assert refusal(SegmentChange(7, end=time), duration=None).code is ErrorCode.SEGMENT_TIMES_INVALID


def test_overlaps_that_were_there_before_do_not_hinder_an_edit() -> None:
    before = (Segment(0, 0.0, 5.0, "a"), Segment(1, 4.0, 6.0, "b"), Segment(2, 7.0, 8.0, "c"))
    after = apply_changes(before, [SegmentChange(2, text="d")], duration=10.0)
    assert after[2].text == "d"
    with pytest.raises(Problem) as caught:
        apply_changes(before, [SegmentChange(2, start=4.5, end=5.5)], duration=10.0)
    assert caught.value.details["segment_id"] == 2


def test_statistics() -> None:
    statistics = summarise(SEGMENTS, language="en", duration=180.5)
    assert (statistics.word_count, statistics.segment_count, statistics.total_duration) == (3, 3, 180.5)
    assert statistics.average_confidence == pytest.approx(0.94)


def test_statistics_of_little() -> None:
    empty = summarise((), language="en")
    assert (empty.word_count, empty.total_duration, empty.average_confidence) == (0, 0.0, None)
    assert summarise(SEGMENTS, language="en").total_duration == 12.0


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("<i>Hello</i> dear  world", "en", 3),
        ("오늘은 인공지능에 대해", "ko", 3),
        ("こんにちは、世界！", "ja", 7),
        ("我们用 AI", "zh-Hans", 5),
    ],
)
def test_words_are_counted_by_language(text: str, language: str, count: int) -> None:
    assert summarise([Segment(0, 0, 1, text)], language=language).word_count == count
