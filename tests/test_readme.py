"""What the README and .env.example say is true."""

import importlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from app.core.settings import Settings
from tests.live_server import LiveServer

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SETTINGS = {name.upper() for name in Settings.model_fields}

# Sections 3 and 4 of the specification.
COMPONENTS = re.findall(
    r"\w+",
    """
VideoProcessor FFmpegWrapper VideoMetadata VideoStorage
WhisperClient AudioExtractor SubtitleFormatter SubtitleStorage WhisperResponseParser
TranslationManager OpenAIClient TranslationPreprocessor TranslationPostprocessor
TTSManager TTSClient AudioSegmentHandler AudioStorage
VideoGenerator FFmpegVideoEditor SubtitleBurner OutputFormatter
JobQueue JobScheduler JobMonitor JobStorage
StorageManager FileProcessor FileValidator StorageCleaner
ExceptionHandler Logger AlertManager DiagnosticsCollector
Video SubtitleSegment Subtitles TranslationSegment Translation TTSSegment TTS Job GeneratedVideo
""",
)

ROWS = dict(re.findall(r"^\| (\w+) \| `(app[\w.:]*)` \|$", README, re.MULTILINE))
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
SESSION = next(block for block in BLOCKS if "curl" in block)
WITH_USERS = next(block for block in BLOCKS if "sign-in" in block)


def test_every_component_of_the_specification_has_a_row() -> None:
    assert list(ROWS) == COMPONENTS


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_is_where_its_row_says(component: str) -> None:
    module_name, _, attribute = ROWS[component].partition(":")
    module = importlib.import_module(module_name)
    if attribute:
        assert isinstance(getattr(module, attribute), type)
    else:
        assert component in (module.__doc__ or "")


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z]+)(?=[ `\n])", README))
    assert {"demo", "run", "doctor"} <= named <= targets


def test_every_setting_named_exists() -> None:
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", README))
    assert named
    assert named <= SETTINGS


def test_every_path_in_the_tree_exists() -> None:
    tree = README.split("```\napp/\n")[1].split("```")[0]
    named = [name for line in tree.splitlines() for name in re.findall(r"\b[a-z]+(?:/|\.py)", line[:27])]
    assert named
    assert [name for name in named if not (ROOT / "app" / name).exists()] == []


def test_the_example_lists_every_setting_under_a_line_about_it() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    listed = [index for index, line in enumerate(lines) if re.match(r"[A-Z_]+=", line)]
    assert sorted(lines[index].partition("=")[0] for index in listed) == sorted(SETTINGS)
    assert [lines[index] for index in listed if not lines[index - 1].startswith("# ")] == []


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    assert Settings(_env_file=ROOT / ".env.example") == Settings(_env_file=None)


def test_the_session_works_as_it_stands(api: LiveServer, clip: Path, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    (tmp_path / "storage").mkdir()
    outcome = _carried_out(SESSION, api, clip, tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("completed 100 Done") == 5, outcome.stdout
    assert (tmp_path / "storage" / "dubbed.mp4").read_bytes()[4:8] == b"ftyp"
    assert "-->" in (tmp_path / "storage" / "dubbed.srt").read_text()


def test_so_does_the_one_with_users(clip: Path, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    defined = SESSION.partition("show()")[0]
    known = re.search(r"-d '(.*password.*)'", WITH_USERS)
    assert known is not None
    with LiveServer(tmp_path / "data") as server:
        server.http.post("/api/users", json=json.loads(known[1])).raise_for_status()
        outcome = _carried_out(defined + WITH_USERS, server, clip, tmp_path)
        assert outcome.returncode == 0, outcome.stderr
        link = outcome.stdout.strip()
        assert httpx.get(link).content == clip.read_bytes()
        assert server.http.get("/api/videos").status_code == 401


def _carried_out(
    session: str, server: LiveServer, clip: Path, folder: Path
) -> subprocess.CompletedProcess[str]:
    session = session.replace("http://127.0.0.1:8000", server.url)
    session = session.replace("storage/demo/sample.mp4", f"'{clip}'")
    return subprocess.run(
        ["bash", "-e", "-c", session], cwd=folder, capture_output=True, text=True, check=False
    )
