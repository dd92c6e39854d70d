"""What a piece of work costs, and how that compares. Linux only: it reads /proc."""

import os
import select
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1024**2
RESET_PEAK = "5"
SAMPLING_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Cost:
    """`wall` and `cpu` in seconds, `peak` memory in bytes."""

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same work by this project and by something simple; `volume` is what there is of it, with its
    unit, for the speed."""

    work: str
    ours: Cost
    baseline_name: str
    baseline: Cost
    volume: float
    unit: str

    def row(self) -> tuple[str, ...]:
        return (
            self.work,
            f"{self.volume / self.ours.wall:.0f} {self.unit}/s",
            f"{self.ours.wall:.2f} s",
            f"{self.ours.cpu:.2f} s",
            f"{self.ours.peak / MIB:.0f} MiB",
            self.baseline_name,
            f"{self.baseline.wall:.2f} s",
            f"{self.baseline.cpu:.2f} s",
            f"{self.baseline.peak / MIB:.0f} MiB",
            f"{self.ours.wall / self.baseline.wall:.2f}",
            f"{self.ours.cpu / max(self.baseline.cpu, 1e-3):.2f}",
        )


HEADINGS = ("work", "speed", "wall", "CPU", "peak", "against", "wall", "CPU", "peak", "x wall", "x CPU")


def table(comparisons: Sequence[Comparison]) -> str:
    return aligned([HEADINGS, *(comparison.row() for comparison in comparisons)])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells, the headings first, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def cost_of_command(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Cost:
    """Runs a program to its end. Raises `CalledProcessError`."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], env=environment)
    peak = _peak_until_it_ends(process.pid)
    wall = time.perf_counter() - started
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak)


def cost_in_process(pid: int, work: Callable[[], object]) -> Cost:
    """What work that we ask another process for costs it and its children; its `peak` is its own alone."""
    Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK)
    before, started = _cpu_seconds(pid), time.perf_counter()
    work()
    wall = time.perf_counter() - started
    return Cost(wall, _cpu_seconds(pid) - before, _peak_bytes(pid))


def cheapest(costs: Sequence[Cost]) -> Cost:
    """The quickest of several runs of the same work: others were disturbed."""
    return min(costs, key=lambda cost: cost.wall)


def _peak_until_it_ends(pid: int) -> int:
    """What the kernel tells of a child that has ended counts our own memory, from before it began."""
    ended = os.pidfd_open(pid)
    peak = 0
    while not select.select([ended], [], [], SAMPLING_SECONDS)[0]:
        peak = max(peak, _peak_bytes(pid))
    os.close(ended)
    return peak


def _cpu_seconds(pid: int) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:15])) / os.sysconf("SC_CLK_TCK")


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
