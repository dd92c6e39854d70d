"""What a child process may use, and that it cannot outlive the server."""

import os
import shutil
from collections.abc import Sequence

# Address space is reserved, not used: a 4K encode on many cores reserves far more than it touches.
MAX_ADDRESS_SPACE = 8 * 1024**3
MAX_FILE_BYTES = 64 * 1024**3
# However many encode, whoever asks for a page comes first. That takes one session for both: Linux weighs
# sessions against each other first, and niceness only inside of each.
NICENESS = 10


def confine(command: Sequence[str], *, cpu_seconds: int) -> list[str]:
    """The command under resource limits, with lower priority, killed by the kernel when the server dies.

    `cpu_seconds` is summed over the command's threads. Where util-linux is missing the command is
    returned as it is.
    """
    limits = (
        f"--as={MAX_ADDRESS_SPACE}",
        f"--fsize={MAX_FILE_BYTES}",
        f"--cpu={cpu_seconds}",
        "--core=0",
    )
    # setpriv's signal hangs on the thread that starts the child: the event loop's, not a worker's.
    killed_with_us = _prefix("setpriv", "--pdeathsig", "KILL")
    return [*killed_with_us, *_prefix("nice", "-n", str(NICENESS)), *_prefix("prlimit", *limits), *command]


def environment(**extra: str) -> dict[str, str]:
    """What a child needs of our environment and nothing more: API keys stay here."""
    kept = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG")
    return {name: os.environ[name] for name in kept if name in os.environ} | extra


def _prefix(tool: str, *arguments: str) -> tuple[str, ...]:
    found = shutil.which(tool)
    return (found, *arguments, "--") if found else ()
