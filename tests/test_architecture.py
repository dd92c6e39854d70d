"""The contracts of `.importlinter` hold, and each is proved by an import that breaks it."""

import configparser
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
SECTION = "importlinter:contract:"


@dataclass(frozen=True, slots=True)
class Violation:
    """An import planted in a module, and the one contract it breaks."""

    contract: str
    module: str
    imported: str


VIOLATIONS = (
    Violation("house", "media/formats.py", "app.render.output"),
    Violation("house", "helpers.py", "app.core.errors"),
    Violation("feature", "videos/models.py", "app.videos.service"),
    Violation("feature", "webhooks/storage.py", "app.webhooks.service"),
    Violation("routers", "tts/service.py", "app.videos.router"),
    Violation("routers", "tts/service.py", "app.jobs.events_router"),
    Violation("tasks", "render/service.py", "app.subtitles.tasks"),
    Violation("engines", "tts/service.py", "app.tts.engines.local"),
    Violation("openai", "subtitles/service.py", "openai"),
    Violation("ffmpeg", "tts/track.py", "ffmpeg"),
    Violation("subtitle_files", "translation/service.py", "pysrt"),
    Violation("queue", "jobs/scheduler.py", "dbos"),
    Violation("objects", "videos/storage.py", "obstore"),
    Violation("whisper", "resources.py", "faster_whisper"),
    Violation("voices", "tts/service.py", "kokoro_onnx"),
)


def test_the_imports_keep_every_contract() -> None:
    outcome = _lint(ROOT)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    "violation", VIOLATIONS, ids=lambda planted: f"{planted.contract}-{planted.imported}"
)
def test_a_planted_import_breaks_its_contract_and_no_other(violation: Violation, tmp_path: Path) -> None:
    shutil.copy(ROOT / ".importlinter", tmp_path)
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "app" / violation.module).open("a") as module:
        module.write(f"\nimport {violation.imported}\n")

    outcome = _lint(tmp_path)

    assert outcome.returncode == 1, outcome.stdout
    names = _contract_names()
    broken = [
        line.removesuffix(" BROKEN") for line in outcome.stdout.splitlines() if line.endswith(" BROKEN")
    ]
    assert broken == [names[violation.contract]], outcome.stdout


def test_every_contract_has_a_planted_violation() -> None:
    assert {violation.contract for violation in VIOLATIONS} == set(_contract_names())


def _contract_names() -> dict[str, str]:
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    sections = [section for section in config.sections() if section.startswith(SECTION)]
    return {section.removeprefix(SECTION): config[section]["name"] for section in sections}


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    wide = os.environ | {"COLUMNS": "300"}  # or long names are wrapped
    wide.pop("PYTHONPATH", None)
    command = [str(LINT_IMPORTS), "--no-cache"]
    return subprocess.run(command, cwd=root, env=wide, capture_output=True, text=True, check=False)
