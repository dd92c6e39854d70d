"""`python -m tests.benchmarks [upload] [render] [track] [--long]`: speed and memory against simple means."""

import argparse
from collections.abc import Callable, Iterator

from tests.benchmarks import render, track, upload
from tests.benchmarks.measuring import Comparison, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help="upload, render, track; all by default")
    parser.add_argument("--long", action="store_true", help="a video of ten minutes instead of two")
    arguments = parser.parse_args()
    benchmarks: dict[str, Callable[[], Iterator[Comparison]]] = {
        "upload": lambda: upload.compare((256, 1024)),
        "track": lambda: track.compare(lines=2000, seconds=7200),
        "render": lambda: render.compare(600 if arguments.long else 120, "1920x1080"),
    }
    for name in arguments.names or benchmarks:
        print(table(list(benchmarks[name]())), flush=True)


if __name__ == "__main__":
    main()
