"""The benchmarks run; how fast is theirs to tell."""

from tests.benchmarks import render, sealing, track, upload
from tests.benchmarks.measuring import table


def test_the_smallest_of_each_runs() -> None:
    compared = [
        *upload.compare([4]),
        *track.compare(lines=20, seconds=60),
        *render.compare(seconds=8, size="320x180"),
    ]
    lines = table(compared).splitlines()
    assert len(lines) == 1 + 4
    assert len(list(sealing.measure(1))) == 1 + 7
    assert all(comparison.ours.wall > 0 and comparison.ours.peak > 0 for comparison in compared)
