"""`python -m tests.benchmarks [name …] [--long]`: speed and memory against simple means, how good subtitles
and sync of real recordings are, and how long people wait."""

import argparse
from collections.abc import Callable, Iterator
from functools import partial

from tests.benchmarks import dub, render, sealing, subtitles, sync, track, upload, waiting, workers
from tests.benchmarks.measuring import Comparison, aligned, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help="the ones to run; all by default")
    parser.add_argument("--long", action="store_true", help="longer videos, up to an hour")
    arguments = parser.parse_args()
    benchmarks: dict[str, Callable[[], Iterator[Comparison]]] = {
        "upload": lambda: upload.compare((256, 1024)),
        "track": lambda: track.compare(lines=2000, seconds=7200),
        "render": lambda: render.compare(600 if arguments.long else 120, "1920x1080"),
        "dub": lambda: dub.compare(3600 if arguments.long else 600, line_every=4.0),
        "lengths": lambda: dub.compare_lengths((30, 60, 120) if arguments.long else (5, 10), line_every=3.6),
        "burned": lambda: dub.compare_burned(3600 if arguments.long else 600, line_every=4.0),
    }
    tables: dict[str, Callable[[], str]] = {
        **{name: partial(_compared, compare) for name, compare in benchmarks.items()},
        "subtitles": lambda: "\n".join(
            aligned(list(rows))
            for rows in (
                subtitles.measure(),
                subtitles.measure_estimates(),
                subtitles.measure_hallucinations(),
            )
        ),
        "sync": lambda: aligned(list(sync.measure())),
        "sealing": lambda: aligned(list(sealing.measure(1024 if arguments.long else 256))),
        "pipeline": lambda: aligned(list(waiting.measure_dubs())),
        "answers": lambda: aligned(list(waiting.measure_answers())),
        "workers": lambda: aligned(list(workers.measure())),
    }
    for name in arguments.names or tables:
        print(tables[name](), flush=True)


def _compared(compare: Callable[[], Iterator[Comparison]]) -> str:
    return table(list(compare()))


if __name__ == "__main__":
    main()
