"""The plan of a dub: in sync where speech fits, and never two lines at once where it does not."""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import pytest

from app.tts.timeline import Placement, Slot, TimingLimits, plan_timeline, room


def plan(
    times: Sequence[tuple[float, float]],
    lengths: Sequence[float],
    *,
    video_duration: float = 100.0,
    min_gap: float = 0.0,
    kept: Mapping[int, Placement] | None = None,
    reserved: Collection[int] = (),
) -> tuple[Placement, ...]:
    slots = [Slot(number, start, end) for number, (start, end) in enumerate(times)]
    limits = TimingLimits(min_gap=min_gap)
    return plan_timeline(
        slots, lengths, video_duration=video_duration, limits=limits, kept=kept, reserved=reserved
    )


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
    assert (first.duration, first.end) == (2.5, 3.5)
    assert first.speed == pytest.approx(2.65 / 2.5)
    assert (first.borrowed, first.overflow, second.moved) == (0.5, 0.0, 0.0)


def test_the_gap_gives_way_before_any_start_is_moved() -> None:
    first, second = plan([(0.0, 2.0), (2.0, 4.0)], [2.3, 1.0], min_gap=0.5)
    assert (first.speed, first.end) == pytest.approx((1.2, 2.3 / 1.2), abs=1e-5)
    assert (second.start, second.moved) == (2.0, 0.0)
    first, second = plan([(0.0, 2.0), (2.0, 4.0)], [1.8, 1.0], min_gap=0.5)
    assert (first.end, first.speed, second.start) == pytest.approx((1.5, 1.2, 2.0))


def test_a_start_is_moved_before_the_speed_goes_past_soft() -> None:
    first, second = plan([(1.0, 3.0), (3.0, 5.0)], [2.6, 1.0])
    assert first.speed == pytest.approx(1.2, abs=1e-5)
    assert first.moved == -0.08  # the rest of what it lacks delays the next
    assert second.moved == pytest.approx(2.6 / 1.2 - 2 - 0.08, abs=1e-5)
    assert (first.overflow, second.speed) == (0.0, 1.0)


def test_a_crowded_passage_is_spread_over_its_neighbours() -> None:
    times = [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 8.0), (10.0, 12.0)]
    placed = plan(times, [2.3, 2.8, 2.3, 2.2, 1.0])
    assert all(one.speed <= 1.25 for one in placed)
    assert all(abs(one.moved) <= 0.3 for one in placed)
    assert sum(one.moved != 0 for one in placed) >= 2
    assert (placed[4].moved, placed[4].speed) == (0.0, 1.0)


def test_the_highest_speed_is_for_what_would_move_too_far() -> None:
    first, second, third = plan([(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)], [2.9, 1.6, 1.0])
    assert 1.2 < first.speed <= 1.3
    assert 0.2 < second.moved <= 0.3
    assert (first.overflow, third.moved) == (0.0, 0.0)


def test_what_is_still_too_long_delays_the_next_and_says_so() -> None:
    first, second, third = plan([(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)], [3.25, 1.6, 1.0])
    assert (first.speed, first.duration, first.overflow) == pytest.approx((1.3, 2.5, 0.2))
    assert (second.start, second.moved, second.overflow) == pytest.approx((2.5, 0.5, 0.0))
    assert second.end <= 4.0
    assert (third.start, third.moved) == (4.0, 0.0)


def test_lines_at_the_end_are_pulled_back_into_the_silence_before() -> None:
    early, late = plan([(0.0, 2.0), (9.0, 10.0)], [2.0, 2.6], video_duration=10.0)
    assert early == Placement(0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0)
    assert (late.start, late.end, late.moved, late.overflow) == (8.0, 10.0, -1.0, 0.0)


def test_a_long_last_line_leaves_those_before_it_at_their_place_and_pace() -> None:
    times = [*((3.0 * number, 3.0 * number + 3) for number in range(10)), (30.0, 31.0)]
    *before, last = plan(times, [2.3] * 10 + [2.2], video_duration=31.0)
    assert [(one.moved, one.speed) for one in before] == [(0.0, 1.0)] * 10
    assert (last.end, last.speed, last.overflow) == pytest.approx((31.0, 1.3, 0.0), abs=1e-5)
    assert last.start >= before[-1].end


def test_what_only_ends_with_the_video_by_pulling_others_says_so() -> None:
    first, second = plan([(5.0, 8.0), (8.0, 10.0)], [3.25, 3.9], video_duration=10.0)
    assert (second.start, second.end) == (7.0, 10.0)
    assert (first.start, first.end, first.moved) == (4.5, 7.0, -0.5)
    assert (first.overflow, second.overflow) == pytest.approx((0.0, 0.42))


def test_as_few_lines_as_it_takes_are_pulled_for_the_last() -> None:
    times = [*((3.0 * number, 3.0 * number + 3) for number in range(10)), (30.0, 31.0)]
    *before, last = plan(times, [2.9] * 10 + [5.2], video_duration=31.0)
    assert last.end == pytest.approx(31.0)
    pulled = [one for one in before if one.moved < -0.08]
    missing = 4.0 - 1.0 - (3.0 - 2.9 / 1.3) - 0.08
    assert last.overflow == pytest.approx(missing, abs=1e-4)
    assert [one.id for one in pulled] == [7, 8, 9]
    assert all(one.speed == pytest.approx(1.3, abs=1e-4) for one in pulled)


def test_a_run_between_kept_lines_is_not_pulled_from_its_place() -> None:
    times = [(3.0 * number, 3.0 * number + 3) for number in range(6)]
    lengths = [2.3] * 6
    before = plan(times, lengths)
    lengths[4] = 4.2
    kept = {one.id: one for one in before if one.id not in (1, 2, 3, 4)}
    after = plan(times, lengths, kept=kept)
    assert [one.moved for one in after[1:4]] == [0.0] * 3
    assert after[4].end <= 15.0
    assert after[4].overflow == 0.0
    assert after[5] == before[5]


def test_speech_longer_than_the_video_runs_past_its_end_uncut() -> None:
    first, second = plan([(0.0, 1.0), (1.0, 2.0)], [2.6, 2.6], video_duration=2.0, min_gap=0.5)
    assert (first.start, first.end, second.start, second.end) == (0.0, 2.0, 2.0, 4.0)
    assert second.overflow == 2.0


def test_what_is_kept_stays_to_the_microsecond_if_the_new_line_fits() -> None:
    times = [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 8.0)]
    before = plan(times, [2.5, 2.5, 2.2, 1.0])
    kept = {one.id: one for one in before if one.id != 2}
    after = plan(times, [2.5, 2.5, 1.1, 1.0], kept=kept)
    assert [one for one in after if one.id != 2] == list(kept.values())
    assert after[2].start >= before[1].end
    assert after[2].duration == pytest.approx(1.1)


def test_as_few_neighbours_as_it_takes_make_room_for_a_longer_line() -> None:
    times = [(float(start), start + 2.0) for start in range(0, 40, 2)]
    lengths = [1.9] * 20
    before = plan(times, lengths)
    lengths[10] = 2.8
    after = plan(times, lengths, kept={one.id: one for one in before if one.id != 10})
    changed = [one.id for one, old in zip(after, before, strict=True) if one != old]
    assert 10 in changed
    assert set(changed) <= {9, 10, 11}
    assert all(later.start >= earlier.end - 1e-9 for earlier, later in pairwise(after))


def test_a_line_that_fits_at_the_highest_speed_moves_no_neighbour() -> None:
    times = [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)]
    before = plan(times, [1.9, 1.9, 1.9])
    kept = {one.id: one for one in before if one.id != 1}
    after = plan(times, [1.9, 2.72, 1.9], kept=kept)
    assert (after[0], after[2]) == (before[0], before[2])
    assert (after[1].end, after[1].speed) == pytest.approx((4.0, 1.3), abs=1e-5)


def test_the_neighbour_that_can_hurry_makes_room_for_what_never_fits() -> None:
    times = [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)]
    before = plan(times, [1.9, 1.9, 2.59])
    kept = {one.id: one for one in before if one.id != 1}
    after = plan(times, [1.9, 2.8, 2.59], kept=kept)
    assert after[2] == before[2]
    assert (after[0].moved, after[1].end) == pytest.approx((0.0, 4.0), abs=0.021)


def test_the_slot_of_a_line_that_failed_is_left_free() -> None:
    times = [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)]
    crowded = plan(times, [2.55, 2.0, 2.0])
    assert crowded[0].end > 2.0
    before, left_free, after = plan(times, [2.55, 2.0, 2.0], reserved={1})
    assert before.end <= 2.0
    assert left_free == Placement(1, 2.0, 1.0, 2.0, 0.0, 0.0, 0.0)
    assert after == Placement(2, 4.0, 1.0, 2.0, 0.0, 0.0, 0.0)


def test_the_slot_of_a_line_that_failed_gives_way_to_one_that_does_not_fit_before_it() -> None:
    times = [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 8.0)]
    placed = plan(times, [2.55, 3.0, 2.0, 2.0], reserved={2})
    assert all(-0.08 <= one.moved <= 0.3 for one in placed)
    assert placed[1].end > 4.0


@pytest.mark.parametrize(
    ("first", "last", "stays", "video_duration"),
    [(5.0, 1.0, 0, 10.0), (1.0, 3.9, 2, 4.0)],
    ids=["runs beyond it", "begins before it"],
)
def test_a_kept_line_that_is_heard_all_over_the_slot_of_one_that_failed_is_heard_alone(
    first: float, last: float, stays: int, video_duration: float
) -> None:
    times = [(0.0, 1.9), (2.0, 2.9), (3.0, 4.0)]
    before = plan(times, [first, 0.3, last], video_duration=video_duration)
    kept = {stays: before[stays]}
    lengths = [max(first, 2.4), 0.9, last]
    after = plan(times, lengths, video_duration=video_duration, kept=kept, reserved={1})
    assert after[2].start >= after[0].end


def test_a_line_has_room_for_what_fits_at_the_soft_speed() -> None:
    times = [(0.0, 2.0), (3.0, 4.0)]
    slots = [Slot(number, start, end) for number, (start, end) in enumerate(times)]
    limits = TimingLimits(min_gap=0.0)
    longest = [room(slots, index, video_duration=5.0, limits=limits) for index in (0, 1)]
    assert longest == pytest.approx([2.98 * 1.2, 2.4])
    assert all(one.moved == 0 and one.speed <= 1.2 for one in plan(times, longest, video_duration=5.0))


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
        shortest = sum(lengths) / 1.3
        assert all(1.0 <= one.speed <= 1.3 for one in placed)
        assert all(one.start >= 0 for one in placed)
        assert all(later.start >= earlier.end - 1e-9 for earlier, later in pairwise(placed))
        assert placed[-1].end <= max(video, shortest) + 1e-4
        for one, length, (start, _) in zip(placed, lengths, times, strict=True):
            assert one.duration * one.speed == pytest.approx(length, abs=3e-6)
            assert one.start == pytest.approx(start + one.moved, abs=1e-9)


def test_a_line_is_moved_further_than_it_may_only_where_its_passage_is_as_fast_as_it_may_be() -> None:
    chance = random.Random(7)
    far = 0
    for _ in range(200):
        times, lengths, video = dialogue(chance, room=1.0)
        placed = plan(times, lengths, video_duration=video)
        for before, one in pairwise(placed):
            if one.moved > 0.3 + 1e-6:
                far += 1
                assert before.speed == pytest.approx(1.3, abs=1e-4)
                assert one.start == pytest.approx(before.end)
    assert far > 20


def test_lines_are_earlier_than_they_may_be_only_for_the_sake_of_one_that_says_so() -> None:
    chance = random.Random(8)
    pulled = 0
    for _ in range(400):
        times, lengths, video = dialogue(chance, room=0.7)
        lengths[-1] *= chance.uniform(1, 4)
        *before, last = plan(times, lengths, video_duration=video)
        early = next((number for number, one in enumerate(before) if one.moved < -0.08 - 1e-6), None)
        if early is None:
            continue
        pulled += 1
        assert last.overflow > 0
        assert all(one.speed == pytest.approx(1.3, abs=1e-4) for one in before[early:])
        assert all(later.start == pytest.approx(one.end) for one, later in pairwise([*before[early:], last]))
        assert last.end >= video - 1e-6
    assert pulled > 20


def test_everything_that_fits_is_exactly_on_time() -> None:
    chance = random.Random(3)
    for _ in range(200):
        times, _, video = dialogue(chance, room=1.0)
        windows = [later - start for (start, _), (later, _) in pairwise([*times, (video, video)])]
        lengths = [window * chance.uniform(0.1, 1.2) for window in windows]
        placed = plan(times, lengths, video_duration=video)
        assert [one.start for one in placed] == [start for start, _ in times]
        assert all(one.overflow == 0.0 == one.moved for one in placed)


def test_a_change_moves_nothing_beyond_enough_silence() -> None:
    chance = random.Random(4)
    for _ in range(100):
        drawn, lengths, video = dialogue(chance, room=0.8)
        times = [(start + 1, end + 1) for start, end in drawn]
        after = [(start + video + 60, end + video + 60) for start, end in times]
        slots, both, end = [*times, *after], [*lengths, *lengths], 2 * video + 120
        before = plan(slots, both, video_duration=end, min_gap=0.1)
        changed = chance.randrange(len(times))
        both[changed] += chance.uniform(0, 10)
        edited = plan(slots, both, video_duration=end, min_gap=0.1)
        assert edited[len(times) :] == before[len(times) :]
        shifted = [replace(one, id=one.id + len(times), start=0.0) for one in before[: len(times) - 1]]
        assert shifted == [replace(one, start=0.0) for one in before[len(times) : -1]]


def as_long_as_fits(
    chance: random.Random, run: Sequence[int], placed: Sequence[Placement], video: float
) -> float:
    """How long each of the consecutive lines may be to fit between the others at 1.3 times."""
    opens = placed[run[0] - 1].end if run[0] else 0.0
    closes = placed[run[-1] + 1].start if run[-1] + 1 < len(placed) else video
    share = chance.choice([1.0, chance.uniform(0.3, 1)])
    return max(0.0, 1.3 * (closes - opens) * share - 1e-4) / len(run)


def consecutive(numbers: Collection[int]) -> Iterator[list[int]]:
    counted = enumerate(sorted(numbers))
    return ([number for _, number in run] for _, run in groupby(counted, key=lambda pair: pair[1] - pair[0]))


def test_failed_lines_that_are_spoken_again_move_no_other_by_a_sample() -> None:
    chance = random.Random(9)
    for _ in range(300):
        times, lengths, video = dialogue(chance, room=chance.choice([0.7, 0.9]))
        failed = {number for number in range(len(times)) if chance.random() < 0.3}
        for number in failed:
            lengths[number] = times[number][1] - times[number][0]
        before = plan(times, lengths, video_duration=video, min_gap=0.05, reserved=failed)
        for run in consecutive(failed):
            for number in run:
                lengths[number] = as_long_as_fits(chance, run, before, video)
        kept = {one.id: one for one in before if one.id not in failed}
        after = plan(times, lengths, video_duration=video, min_gap=0.05, kept=kept)
        assert {one.id: one for one in after if one.id not in failed} == kept
        assert all(one.speed <= 1.3 for one in after)
        assert all(later.start >= earlier.end - 1e-9 for earlier, later in pairwise(after))


def test_a_line_that_never_fits_moves_nothing_beyond_enough_silence() -> None:
    """Not even what would now be placed otherwise."""
    near = [(2.0 * number, 2.0 * number + 2) for number in range(10)]
    far = [(start + 60, end + 60) for start, end in near]
    lengths = [2.0] * 20
    kept = {one.id: one for one in plan([*near, *far], lengths, min_gap=0.5) if one.id != 5}
    lengths[5] = 12.0
    after = plan([*near, *far], lengths, kept=kept)
    assert after[5].speed == pytest.approx(1.3, abs=1e-5)
    assert after[10:] == tuple(kept[number] for number in range(10, 20))
    assert all(later.start >= earlier.end - 1e-9 for earlier, later in pairwise(after))
