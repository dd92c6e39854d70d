"""What a child process may use and see, and that it cannot outlive the server."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Address space is reserved, not used: a 4K encode on many cores reserves far more than it touches.
MAX_ADDRESS_SPACE = 8 * 1024**3
MAX_FILE_BYTES = 64 * 1024**3
# However many encode, whoever asks for a page comes first. That takes one session for both: Linux weighs
# sessions against each other first, and niceness only inside of each.
NICENESS = 10


# Programs and their libraries, but nobody's data; what is not there is left out.
PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
ISOLATED = ("--unshare-all", "--die-with-parent", "--dev", "/dev", "--chdir", "/")
TRIAL_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Reach:
    """The folders and files a child may see beside the programs: those it `reads` stay as they are, even
    in a folder that it `writes`."""

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()


def confine(command: Sequence[str], *, cpu_seconds: int, reach: Reach) -> list[str]:
    """The command under resource limits, with lower priority, killed by the kernel when the server dies,
    and where bubblewrap works with no network and with no file but those in its `reach`.

    `cpu_seconds` is summed over the command's threads. What util-linux lacks here is left out.
    """
    limits = (
        f"--as={MAX_ADDRESS_SPACE}",
        f"--fsize={MAX_FILE_BYTES}",
        f"--cpu={cpu_seconds}",
        "--core=0",
    )
    # setpriv's signal hangs on the thread that starts the child: the event loop's, not a worker's.
    killed_with_us = _prefix("setpriv", "--pdeathsig", "KILL")
    lowered = (*_prefix("nice", "-n", str(NICENESS)), *_prefix("prlimit", *limits))
    return [*killed_with_us, *lowered, *isolate(command, reach)]


def isolate(command: Sequence[str], reach: Reach) -> list[str]:
    """The command with no network and no file but those in its `reach`; as it is where that cannot be."""
    bubblewrap = isolation()
    if bubblewrap is None:
        return [*command]
    binds = [*_binds("--ro-bind-try", (*map(Path, PROGRAMS), Path(sys.base_prefix), Path(sys.prefix)))]
    binds += _binds("--bind-try", reach.writes)
    binds += _binds("--ro-bind-try", reach.reads)
    return [bubblewrap, *ISOLATED, *binds, "--", *command]


@cache
def isolation() -> str | None:
    """The bubblewrap of this machine, if it is there and may do its work: in a container it often may not.

    Found out once, in some 50 ms, since that does not change.
    """
    found = shutil.which("bwrap")
    if found is None:
        return None
    trial = [found, *ISOLATED, "--ro-bind", "/", "/", "--", "true"]
    try:
        outcome = subprocess.run(trial, capture_output=True, timeout=TRIAL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found if outcome.returncode == 0 else None


def environment(**extra: str) -> dict[str, str]:
    """What a child needs of our environment and nothing more: API keys stay here."""
    kept = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG")
    return {name: os.environ[name] for name in kept if name in os.environ} | extra


def _prefix(tool: str, *arguments: str) -> tuple[str, ...]:
    found = shutil.which(tool)
    return (found, *arguments, "--") if found else ()


def _binds(how: str, paths: Iterable[Path]) -> Iterator[str]:
    """Devices come with the sandbox itself."""
    for path in dict.fromkeys(paths):
        if path.parts[:2] != ("/", "dev"):
            yield from (how, str(path), str(path))
