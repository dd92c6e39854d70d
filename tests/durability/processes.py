"""What the kernel knows: which FFmpeg runs for a server, the memory and work it takes, what lies on its
disk."""

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def ffmpegs(data_dir: Path) -> list[int]:
    """The processes that read or write under a data folder, whoever their parent is by now."""
    return [pid for pid, _ in _commands(data_dir)]


def encoders(data_dir: Path) -> list[int]:
    """Those of them that encode a picture: they last, while others may be gone at the next look."""
    return [pid for pid, arguments in _commands(data_dir) if b"libx264" in arguments]


def memory_mb(pid: int, field: str) -> float:
    """`VmRSS` is what is resident now, `VmHWM` the most that ever was."""
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def cpu_seconds(pid: int) -> float:
    """What a process has worked so far, on all cores together."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def files(folder: Path) -> list[Path]:
    """Every file under a folder, also the ones that a listing of objects leaves out. Folders may go
    meanwhile."""
    found = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return sorted(path.relative_to(folder) for path in found)


def _commands(data_dir: Path) -> Iterator[tuple[int, list[bytes]]]:
    for process in PROC.iterdir():
        if process.name.isdigit():
            arguments = _arguments(process)
            if b"ffmpeg" in arguments[0] and str(data_dir).encode() in b" ".join(arguments):
                yield int(process.name), arguments


def _arguments(process: Path) -> list[bytes]:
    try:
        return (process / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return [b""]
