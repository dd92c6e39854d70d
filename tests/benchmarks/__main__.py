"""`python -m tests.benchmarks [upload] [render] [track] [dub] [subtitles] [--long]`: speed and memory against
simple means, and how good the subtitles of real recordings are."""

import argparse
from collections.abc import Callable, Iterator

from tests.benchmarks import dub, render, subtitles, track, upload
from tests.benchmarks.measuring import Comparison, aligned, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help="the ones to run; all by default")
    parser.add_argument("--long", action="store_true", help="a video of ten minutes instead of two")
    arguments = parser.parse_args()
    benchmarks: dict[str, Callable[[], Iterator[Comparison]]] = {
        "upload": lambda: upload.compare((256, 1024)),
        "track": lambda: track.compare(lines=2000, seconds=7200),
        "render": lambda: render.compare(600 if arguments.long else 120, "1920x1080"),
        "dub": lambda: dub.compare(3600 if arguments.long else 600, line_every=4.0),
    }
    for name in arguments.names or [*benchmarks, "subtitles"]:
        if name == "subtitles":
            print(aligned(list(subtitles.measure())), flush=True)
            print(aligned(list(subtitles.measure_hallucinations())), flush=True)
        else:
            print(table(list(benchmarks[name]())), flush=True)


if __name__ == "__main__":
    main()
