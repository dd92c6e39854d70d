from pathlib import Path

import pytest

from app.core.errors import ErrorCode, Problem
from app.media import fonts
from app.media.ffmpeg import FFmpegWrapper
from app.media.fonts import font_for, prepare_fonts, renders, require_fonts


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FFmpegWrapper:
    """An FFmpeg that knows the packaged fonts only, whatever this machine has."""
    monkeypatch.setattr(fonts, "SYSTEM_FONT_DIRECTORIES", ())
    return FFmpegWrapper(None, fonts=prepare_fonts(tmp_path), timeout=60)


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "Привет",
        "안녕하세요",
        "こんにちは世界",
        "你好世界",
        "مرحبا",
        "नमस्ते",
        "สวัสดี",
        "שלום",
        "😀",
        "🎉",
        "♪",
        "안녕 😀",
    ],
)
async def test_our_fonts_draw_the_scripts_they_should(packaged: FFmpegWrapper, text: str) -> None:
    assert await renders(packaged, text)


@pytest.mark.parametrize(
    ("language", "family"),
    [
        ("ko", "Noto Sans CJK KR"),
        ("zh", "Noto Sans CJK SC"),
        ("zh-TW", "Noto Sans CJK TC"),
        ("ar-EG", "Noto Sans Arabic"),
        ("hi", "Noto Sans Devanagari"),
        ("th", "Noto Sans Thai"),
        ("he", "Noto Sans Hebrew"),
        ("kok", "Noto Sans"),
        ("en", "Noto Sans"),
    ],
)
def test_each_language_has_its_font(language: str, family: str) -> None:
    assert font_for(language).family == family


async def test_texts_that_can_be_drawn_pass(packaged: FFmpegWrapper) -> None:
    await require_fonts(packaged, ["Hello, 세계! 😀", "<i>नमस्ते</i>\n٣ مرحبا", "…", "", "\ue123"])


async def test_the_script_without_a_font_is_named(packaged: FFmpegWrapper) -> None:
    with pytest.raises(Problem) as problem:
        await require_fonts(packaged, ["Hello", "\U00012000\U00012001 안녕"])
    assert problem.value.code == ErrorCode.FONT_MISSING
    assert problem.value.details == {"script": "Cuneiform", "sample": "\U00012000\U00012001"}


async def test_missing_fonts_are_noticed(tmp_path: Path) -> None:
    config = tmp_path / "fonts.conf"
    config.write_text(f"<fontconfig><cachedir>{tmp_path / 'cache'}</cachedir></fontconfig>")
    bare = FFmpegWrapper(None, fonts=config, timeout=30)
    assert not await renders(bare, "Hello")


async def test_characters_without_a_font_are_noticed(ffmpeg: FFmpegWrapper) -> None:
    assert not await renders(ffmpeg, "\ue123\ue124")
