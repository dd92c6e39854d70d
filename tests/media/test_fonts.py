from pathlib import Path

import pytest

from app.media.ffmpeg import FFmpegWrapper
from app.media.fonts import renders


@pytest.mark.parametrize("text", ["Hello", "안녕하세요", "こんにちは", "你好", "Привет"])
async def test_our_fonts_draw_the_scripts_they_should(ffmpeg: FFmpegWrapper, text: str) -> None:
    assert await renders(ffmpeg, text)


async def test_missing_fonts_are_noticed(tmp_path: Path) -> None:
    config = tmp_path / "fonts.conf"
    config.write_text(f"<fontconfig><cachedir>{tmp_path / 'cache'}</cachedir></fontconfig>")
    bare = FFmpegWrapper(None, fonts=config, timeout=30)
    assert not await renders(bare, "Hello")


async def test_characters_without_a_font_are_noticed(ffmpeg: FFmpegWrapper) -> None:
    assert not await renders(ffmpeg, "\ue123\ue124")
