"""Where settings come from, above all those that are secrets."""

from pathlib import Path

import pytest

from app.core.errors import InvalidSettings
from app.core.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Without a `.env` and without anything set but what the test sets."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path


@pytest.mark.parametrize("content", ["sk-hush", "sk-hush\n", "sk-hush\r\n"])
def test_a_secret_comes_from_the_file_that_is_named(
    content: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "key").write_bytes(content.encode())
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(folder / "key"))
    key = load_settings().openai_api_key
    assert key is not None
    assert key.get_secret_value() == "sk-hush"


def test_the_file_can_be_named_in_the_env_file(folder: Path) -> None:
    (folder / "url").write_text("sqlite:///elsewhere.sqlite\n")
    (folder / ".env").write_text(f"DATABASE_URL=\nDATABASE_URL_FILE={folder / 'url'}\n")
    assert load_settings().database == "sqlite+aiosqlite:///elsewhere.sqlite"


def test_a_secret_that_is_told_twice_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "key").write_text("sk-file")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(folder / "key"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    with pytest.raises(InvalidSettings, match="OPENAI_API_KEY_FILE: OPENAI_API_KEY is set too"):
        load_settings()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot read .*No such file"),
        (b"", "empty"),
        (b"\xff\xfe", "not text"),
        (b"k" * 70_000, "too long"),
    ],
)
def test_a_file_that_holds_no_secret_is_told(
    content: bytes | None, told: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (folder / "key").write_bytes(content)
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(folder / "key"))
    with pytest.raises(InvalidSettings, match=f"^OPENAI_API_KEY_FILE: .*{told}"):
        load_settings()


def test_what_is_no_secret_comes_from_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "host").write_text("0.0.0.0")
    monkeypatch.setenv("HOST_FILE", str(folder / "host"))
    assert load_settings().host == "127.0.0.1"


def test_a_secret_in_a_file_is_not_repeated_when_it_cannot_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "url").write_text("postgresql://me:hush@host:port/db")
    monkeypatch.setenv("DATABASE_URL_FILE", str(folder / "url"))
    with pytest.raises(InvalidSettings) as told:
        load_settings()
    assert "DATABASE_URL" in str(told.value)
    assert "hush" not in str(told.value)
