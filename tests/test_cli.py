"""The ways in: what `python -m app` says, when it is ready, and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from app.cli import main
from app.storage.encryption.root_keys import new_key
from tests.loopback.openai_server import LoopbackOpenAI

ROOT = Path(__file__).parents[1]
READY_SECONDS = 30.0  # two on an idle machine
IDLE_MEGABYTES = 170
STOP_SECONDS = 20.0
HEAVY = ("av", "ctranslate2", "faster_whisper", "kokoro_onnx", "onnxruntime", "openai", "pysrt", "webvtt")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """As without any setting, but for a data folder and a port of its own."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": "0",
        "COLUMNS": "200",
    }


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("PORT", "eighty"),
        ("HOST", "no.such.host.invalid"),
        ("CPU_JOBS", "0"),
        ("DATABASE_URL", "mysql://localhost/app"),
        ("OPENAI_BASE_URL", "localhost"),
        ("OPENAI_MODEL_ALIASES", "gpt-4=gpt-5"),
    ],
)
def test_a_setting_that_cannot_be_is_told_in_one_line(
    setting: str,
    value: str,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before anything is built, so that no process is needed to see it."""
    monkeypatch.chdir(tmp_path)
    for name, text in (environment | {setting: value}).items():
        monkeypatch.setenv(name, text)
    assert main(["serve"]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1, told
    assert setting in told


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("CPU_JOBS", "0"),
        ("DATA_DIR", "/dev/null/data"),
        ("DATABASE_URL", "sqlite:////no/such/folder/app.sqlite"),
        ("FFMPEG_BINARY", "/no/such/ffmpeg"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line(
    setting: str, value: str, environment: dict[str, str], tmp_path: Path
) -> None:
    outcome = _run("serve", tmp_path, environment | {setting: value})
    assert outcome.returncode == 2, outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1, outcome.stderr
    assert setting in outcome.stderr


def test_a_port_in_use_is_told_in_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        outcome = _run("serve", tmp_path, environment | {"PORT": port})
    assert outcome.returncode == 2
    assert outcome.stderr == f"HOST, PORT: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_no_secret_is_repeated(environment: dict[str, str], tmp_path: Path) -> None:
    outcome = _run("serve", tmp_path, environment | {"DATABASE_URL": "postgresql://me:hush@host:port/db"})
    assert outcome.returncode == 2
    assert "hush" not in outcome.stderr + outcome.stdout


def test_the_doctor_lists_what_works_and_what_is_missing(environment: dict[str, str], tmp_path: Path) -> None:
    outcome = _run("doctor", tmp_path, environment | {"OPENAI_API_KEY": "sk-secret"})
    for check in (
        "database",
        "disk",
        "root key",
        "ffmpeg build",
        "font: Korean",
        "transcription",
        "translation",
        "speech",
    ):
        assert re.search(rf"^(ok|absent|missing) +{check} ", outcome.stdout, re.MULTILINE), outcome.stdout
    assert "api.openai.com, with a key" in outcome.stdout
    assert "sk-secret" not in outcome.stdout
    assert outcome.returncode == 0, outcome.stdout


def test_the_doctor_fails_when_something_required_is_missing(
    environment: dict[str, str], tmp_path: Path
) -> None:
    outcome = _run("doctor", tmp_path, environment | {"SPEECH_ENGINE": "openai"})
    assert outcome.returncode == 1
    assert re.search(r"^missing +speech .*OPENAI_API_KEY", outcome.stdout, re.MULTILINE), outcome.stdout
    assert "→ Set OPENAI_API_KEY" in outcome.stdout


def test_the_doctor_tells_whether_the_root_key_opens_what_is_stored(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """And changes nothing: another key is not made."""
    with _started("serve", tmp_path, environment) as (process, url):
        assert httpx.get(f"{url}/readyz", timeout=READY_SECONDS).is_success
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0
    key = tmp_path / "data" / "keys" / "root.key"
    assert _root_key_check(environment, tmp_path) == ("ok", f"in {key}; data keys that it opens: 1")
    verdict, detail = _root_key_check(environment | {"ENCRYPTION_KEY": new_key()}, tmp_path)
    assert (verdict, "the stored keys belong to the root key" in detail) == ("missing", True)
    key.chmod(0o640)
    verdict, detail = _root_key_check(environment, tmp_path)
    assert (verdict, detail.endswith("chmod 600 it")) == ("missing", True)
    key.unlink()
    assert _root_key_check(environment, tmp_path)[0] == "missing"
    assert not key.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_is_ready_small_and_gone_when_asked(
    number: signal.Signals, environment: dict[str, str], tmp_path: Path
) -> None:
    with _started("serve", tmp_path, environment) as (process, url):
        began = time.monotonic()
        assert httpx.get(f"{url}/readyz", timeout=READY_SECONDS).json()["status"] == "ready"
        assert time.monotonic() - began < READY_SECONDS
        assert _resident_megabytes(process.pid) < IDLE_MEGABYTES
        process.send_signal(number)
        assert process.wait(STOP_SECONDS) == 0
    assert _working_in(tmp_path) == []


def test_an_open_event_stream_does_not_keep_the_server(
    environment: dict[str, str], tmp_path: Path, clip: Path
) -> None:
    with _started("serve", tmp_path, environment) as (process, url), httpx.Client(base_url=url) as client:
        with clip.open("rb") as file:
            video = client.post("/api/videos/upload", files={"video": file}, timeout=60).json()["video_id"]
        task = client.post(f"/api/videos/{video}/extract-subtitles").json()["task_id"]
        with client.stream("GET", f"/api/tasks/{task}/events", timeout=60) as events:
            assert next(events.iter_lines())
            process.terminate()
            assert process.wait(STOP_SECONDS) == 0


def test_a_worker_has_a_name_of_its_own_and_stops_when_asked(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with _started("worker", tmp_path, environment) as (process, name):
        assert name == f"worker-{socket.gethostname()}-{process.pid}"
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0


def test_a_demo_of_a_file_that_is_not_there(environment: dict[str, str], tmp_path: Path) -> None:
    outcome = _run("demo", tmp_path, environment, "missing.mp4")
    assert outcome.returncode == 1
    assert outcome.stdout == "There is no file missing.mp4.\n"


def test_a_demo_whose_server_does_not_start_says_why(
    environment: dict[str, str], tmp_path: Path, clip: Path
) -> None:
    """Here one whose data were sealed with another key."""
    keys = tmp_path / "data" / "demo" / "data" / "objects" / "keys" / ("0" * 32)
    keys.mkdir(parents=True)
    (keys / "another").write_bytes(b"wrapped")
    outcome = _run("demo", tmp_path, environment | {"ENCRYPTION_KEY": new_key()}, str(clip))
    assert outcome.returncode == 1
    assert "ENCRYPTION_KEY: the stored keys belong to the root key another" in outcome.stdout
    assert outcome.stdout.endswith(f"remove {tmp_path / 'data' / 'demo' / 'data'}.\n")


def test_the_demo_dubs_a_video(
    environment: dict[str, str], tmp_path: Path, clip: Path, openai_server: LoopbackOpenAI
) -> None:
    openai_server.forget()
    outcome = _run(
        "demo", tmp_path, environment | {"OPENAI_BASE_URL": openai_server.url}, str(clip), "--to", "fr"
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    for stage in ("Uploading", "Extracting subtitles", "Translating to fr", "Generating speech"):
        assert re.search(rf"^{stage} +━+ 100% ", outcome.stdout, re.MULTILINE), outcome.stdout
        assert re.search(rf"^{stage} +[\d.]+$", outcome.stdout, re.MULTILINE), outcome.stdout
    video, *subtitles = (
        Path(path) for path in re.findall(r"^(?:Dub|Sub).+?  +(/.+)$", outcome.stdout, re.MULTILINE)
    )
    assert video.read_bytes()[4:8] == b"ftyp"
    assert len(subtitles) == 2
    assert all("-->" in path.read_text() for path in subtitles)


def test_an_interrupted_demo_leaves_no_process(
    environment: dict[str, str], tmp_path: Path, clip: Path, openai_server: LoopbackOpenAI
) -> None:
    openai_server.forget()
    settings = environment | {"OPENAI_BASE_URL": openai_server.url}
    with _started("demo", tmp_path, settings, str(clip)) as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_SECONDS) == 130
        assert process.stdout is not None
        assert process.stdout.read().endswith("Stopped.\n")
    assert _working_in(tmp_path) == []


def test_heavy_modules_are_left_until_they_are_used(environment: dict[str, str], tmp_path: Path) -> None:
    program = f"import sys, app.main; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    outcome = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert outcome.stdout.split() == []


def _root_key_check(environment: Mapping[str, str], folder: Path) -> tuple[str, str]:
    """The doctor's verdict, and what it found; of a key that it is shown, not which."""
    wide = {"COLUMNS": "600"}
    told = _run("doctor", folder, {**environment, **wide}).stdout
    found = re.search(r"^(ok|missing) +root key +(?:[0-9a-f]{16}, )?(.*?) *$", told, re.MULTILINE)
    assert found, told
    return found[1], found[2]


def _run(
    command: str, folder: Path, environment: Mapping[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", command, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def _started(
    command: str, folder: Path, environment: Mapping[str, str], *arguments: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and the last word of its first line: where it listens, or its name."""
    log = folder / "log"
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "app", command, *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            first = process.stdout.readline() if process.stdout else ""
            assert first, log.read_text()
            yield process, first.split()[-1]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("there is no /proc here")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
    assert found
    return int(found[1]) / 1024


def _working_in(folder: Path) -> list[str]:
    """The command lines of the processes whose working folder it is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it is another's, or has just gone
            if (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_text())
    return found
