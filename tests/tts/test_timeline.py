"""The plan of a dub: in sync where speech fits, and never two lines at once where it does not."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from app.tts.timeline import Placement, Slot, plan_timeline


def plan(
    times: Sequence[tuple[float, float]],
    lengths: Sequence[float],
    *,
    video_duration: float = 100.0,
    min_gap: float = 0.0,
) -> tuple[Placement, ...]:
    slots = [Slot(number, start, end) for number, (start, end) in enumerate(times)]
    return plan_timeline(slots, lengths, video_duration=video_duration, min_gap=min_gap)


def test_speech_that_fits_starts_with_its_subtitle_as_it_was_spoken() -> None:
    assert plan([(1.0, 3.0), (3.0, 5.0)], [1.5, 2.0]) == (
        Placement(0, 1.0, 1.0, 1.5, 0.0, 0.0, 0.0),
        Placement(1, 3.0, 1.0, 2.0, 0.0, 0.0, 0.0),
    )


def test_long_speech_borrows_the_silence_after_it() -> None:
    first, second = plan([(1.0, 3.0), (5.0, 6.0)], [3.9, 1.0])
    assert first == Placement(0, 1.0, 1.0, 3.9, 0.0, 1.9, 0.0)
    assert second.moved == 0.0


def test_what_does_not_fit_is_sped_up_just_enough() -> None:
    first, second = plan([(1.0, 3.0), (3.5, 6.0)], [2.65, 1.0])
    assert (first.duration, first.end) == (2.45, 3.45)
    assert first.speed == pytest.approx(2.65 / 2.45)
    assert (first.borrowed, first.overflow, second.moved) == (0.45, 0.0, 0.0)


def test_the_breath_is_given_up_before_the_speed_goes_past_soft() -> None:
    tight, _ = plan([(0.0, 2.0), (2.0, 4.0)], [2.37, 1.0])
    assert (tight.speed, tight.end) == pytest.approx((1.2, 1.975))
    fast, _ = plan([(0.0, 2.0), (2.0, 4.0)], [2.5, 1.0])
    assert (fast.speed, fast.end) == (1.25, 2.0)


def test_what_is_still_too_long_delays_the_next_until_there_is_room() -> None:
    first, second, third = plan([(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)], [3.25, 1.6, 1.0])
    assert (first.speed, first.duration, first.overflow) == (1.3, 2.5, 0.5)
    assert (second.start, second.moved, second.overflow) == (2.5, 0.5, 0.0)
    assert second.end <= 4.0
    assert (third.start, third.moved) == (4.0, 0.0)


def test_lines_at_the_end_are_pulled_back_into_the_silence_before() -> None:
    early, late = plan([(0.0, 2.0), (9.0, 10.0)], [2.0, 2.6], video_duration=10.0)
    assert early == Placement(0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0)
    assert (late.start, late.end, late.moved, late.overflow) == (8.0, 10.0, -1.0, 0.0)


def test_lines_before_a_pulled_one_are_sped_up_and_then_pulled_too() -> None:
    first, second = plan([(5.0, 8.0), (8.0, 10.0)], [2.6, 3.9], video_duration=10.0)
    assert (second.start, second.end) == (7.0, 10.0)
    assert (first.start, first.end, first.speed) == (5.0, 7.0, 1.3)
    first, second = plan([(5.0, 8.0), (8.0, 10.0)], [3.25, 3.9], video_duration=10.0)
    assert (first.start, first.end, first.moved) == (4.5, 7.0, -0.5)


def test_speech_longer_than_the_video_runs_past_its_end_uncut() -> None:
    first, second = plan([(0.0, 1.0), (1.0, 2.0)], [2.6, 2.6], video_duration=2.0, min_gap=0.5)
    assert (first.start, first.end, second.start, second.end) == (0.0, 2.0, 2.0, 4.0)
    assert second.overflow == 2.0


def test_the_gap_is_kept_by_speeding_up_and_moving() -> None:
    first, second = plan([(0.0, 2.0), (2.0, 4.0)], [1.8, 1.0], min_gap=0.5)
    assert (first.end, first.speed, second.start) == pytest.approx((1.5, 1.2, 2.0))
    first, second = plan([(0.0, 2.0), (2.0, 4.0)], [2.6, 1.0], min_gap=0.5)
    assert (first.end, first.overflow, second.start) == (2.0, 0.5, 2.5)


def test_a_gap_too_wide_for_the_video_is_made_narrower() -> None:
    placements = plan(
        [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)], [1.04, 1.04, 1.04], video_duration=3.0, min_gap=2.0
    )
    assert [placement.start for placement in placements] == pytest.approx([0.0, 1.1, 2.2])
    assert placements[-1].end == pytest.approx(3.0)


def test_little_to_say() -> None:
    assert plan([], []) == ()
    assert plan([(1.0, 2.0)], [0.0]) == (Placement(0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0),)


def test_a_length_for_each_slot_is_needed() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        plan([(0.0, 1.0), (1.0, 2.0)], [1.0])


def dialogue(chance: random.Random, *, room: float) -> tuple[list[tuple[float, float]], list[float], float]:
    """Random slots, speech of about `room` of them, and the length of the video."""
    times: list[tuple[float, float]] = []
    lengths: list[float] = []
    at = chance.choice([0.0, chance.uniform(0, 5)])
    for _ in range(chance.randrange(1, 40)):
        start = round(at, 3)
        end = round(start + chance.uniform(0.3, 5), 3)
        times.append((start, end))
        lengths.append((end - start) * chance.uniform(0.1, 2) * room)
        at = end + chance.choice([0.0, 0.0, chance.uniform(0, 3)])
    return times, lengths, round(at + chance.choice([0.0, chance.uniform(0, 2)]), 3)


@pytest.mark.parametrize("min_gap", [0.0, 0.02, 0.5])
@pytest.mark.parametrize("room", [0.3, 0.8, 1.5])
def test_promises_hold_for_any_dialogue(min_gap: float, room: float) -> None:
    chance = random.Random(f"{min_gap} {room}")
    for _ in range(150):
        times, lengths, video = dialogue(chance, room=room)
        placed = plan(times, lengths, video_duration=video, min_gap=min_gap)
        spare = video - sum(lengths) / 1.3
        gap = min(min_gap, max(0.0, spare / max(1, len(placed) - 1)))
        assert all(1.0 <= one.speed <= 1.3 for one in placed)
        assert all(one.start >= 0 for one in placed)
        assert all(later.start - earlier.end >= gap - 1e-5 for earlier, later in pairwise(placed))
        assert placed[-1].end <= max(video, video - spare) + 1e-4
        for one, length, (start, _) in zip(placed, lengths, times, strict=True):
            assert one.duration * one.speed == pytest.approx(length, abs=3e-6)
            assert one.start == pytest.approx(start + one.moved, abs=1e-9)


def test_everything_that_fits_is_exactly_on_time() -> None:
    chance = random.Random(3)
    for _ in range(200):
        times, _, video = dialogue(chance, room=1.0)
        windows = [later - start for (start, _), (later, _) in pairwise([*times, (video, video)])]
        lengths = [max(0.0, window - 0.05) * chance.uniform(0.1, 1.2) for window in windows]
        placed = plan(times, lengths, video_duration=video)
        assert [one.start for one in placed] == [start for start, _ in times]
        assert all(one.overflow == 0.0 == one.moved for one in placed)


def test_a_change_moves_nothing_beyond_enough_silence() -> None:
    chance = random.Random(4)
    for _ in range(100):
        times, lengths, video = dialogue(chance, room=0.8)
        after = [(start + video + 60, end + video + 60) for start, end in times]
        slots, both, end = [*times, *after], [*lengths, *lengths], 2 * video + 120
        before = plan(slots, both, video_duration=end, min_gap=0.1)
        changed = chance.randrange(len(times))
        both[changed] += chance.uniform(0, 10)
        edited = plan(slots, both, video_duration=end, min_gap=0.1)
        assert edited[:changed] == before[:changed]
        assert edited[len(times) :] == before[len(times) :]
        shifted = [replace(one, id=one.id + len(times), start=0.0) for one in before[: len(times) - 1]]
        assert shifted == [replace(one, start=0.0) for one in before[len(times) : -1]]
