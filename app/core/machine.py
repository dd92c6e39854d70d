"""What the machine has for this process, and how much of it others use."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Machine:
    """`cores` that this process may use, `others` of them kept busy by somebody else, and `memory` in bytes
    that is free or used by this process's children."""

    cores: float
    others: float
    memory: int


@dataclass(frozen=True, slots=True)
class _Times:
    """Processor seconds so far: of all cores, of those the busy ones, and of those our own."""

    passed: float
    busy: float
    own: float


class MachineWatch:
    """Looks at the machine again and again: who was busy is told of the time since the look before.

    The load average would lag a minute behind and count our own children too.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = _times(self._family())

    def look(self) -> Machine:
        """Takes some milliseconds, the more, the more processes there are."""
        family = self._family()
        now = _times(family)
        others = _busy_with_others(self._before, now) * (psutil.cpu_count() or 1)
        self._before = now
        return Machine(usable_cores(), others, free_memory() + sum(map(_memory, family[1:])))

    def _family(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


def idle_machine() -> Machine:
    """All that this process could ever have of it."""
    return Machine(usable_cores(), 0.0, psutil.virtual_memory().total)


def usable_cores() -> float:
    """As many as the process is bound to, or fewer if its control group may not use them all the time."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count() or 1
    quota, _, period = _limit("cpu.max").partition(" ")
    return min(float(bound), int(quota) / int(period)) if quota.isdigit() else float(bound)


def free_memory() -> int:
    """Bytes that are to be had, by the machine or by its control group."""
    available = psutil.virtual_memory().available
    limit, used = _limit("memory.max"), _limit("memory.current")
    if not limit.isdigit():
        return available
    given_up_at_need = dict(line.split() for line in _limit("memory.stat").splitlines())
    return min(available, int(limit) - int(used) + int(given_up_at_need.get("inactive_file", 0)))


def _limit(name: str) -> str:
    """Of the control group; empty where there is none."""
    with suppress(OSError):
        return (CGROUP / name).read_text(encoding="ascii").strip()
    return ""


def _times(family: Iterable[psutil.Process]) -> _Times:
    spent = psutil.cpu_times()._asdict()
    # What guests use is in `user` already.
    passed = sum(seconds for kind, seconds in spent.items() if not kind.startswith("guest"))
    return _Times(passed, passed - spent["idle"] - spent.get("iowait", 0.0), sum(map(_seconds, family)))


def _busy_with_others(before: _Times, now: _Times) -> float:
    """Which share of all cores."""
    passed = now.passed - before.passed
    others = (now.busy - before.busy) - (now.own - before.own)
    return min(1.0, max(0.0, others / passed)) if passed > 0 else 0.0


def _seconds(process: psutil.Process) -> float:
    """Of a process and those of its children that have ended."""
    with suppress(psutil.Error):
        return sum(process.cpu_times()[:4])
    return 0.0


def _memory(process: psutil.Process) -> int:
    """In bytes."""
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0
