"""The fonts subtitles are drawn with: ours for Latin, Cyrillic, Greek and CJK, the system's for the rest."""

import asyncio
import importlib.util
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

import ffmpeg

from app.media.ffmpeg import FFmpegWrapper, media_output

SYSTEM_FONT_DIRECTORIES = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("/System/Library/Fonts"),
    Path("/Library/Fonts"),
)
NO_CHARACTER = "\U0010ffff"
SAMPLE = """[Script Info]
PlayResX: 640
PlayResY: 64

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment
Style: Default,Noto Sans CJK KR,32,&H00FFFFFF,5

[Events]
Format: Start, End, Style, Text
Dialogue: 0:00:00.00,0:00:01.00,Default,{text}
"""


def prepare_fonts(data_dir: Path) -> Path:
    """The fontconfig file, written under `data_dir`/fonts, so that the result does not hang on the host's."""
    folder = data_dir.absolute() / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "fonts.conf"
    text = _fontconfig((*_packaged_directories(), *SYSTEM_FONT_DIRECTORIES), cache=folder / "cache")
    if not config.exists() or config.read_text() != text:
        config.write_text(text)
    return config


async def renders(wrapper: FFmpegWrapper, text: str) -> bool:
    """Whether subtitles of such text would be seen: FFmpeg draws nothing, or empty boxes, without a font.

    `text` is a short line without markup. Raises `Problem` as `FFmpegWrapper.run` does.
    """
    boxes = "".join(" " if character.isspace() else NO_CHARACTER for character in text)
    with tempfile.TemporaryDirectory() as folder:
        drawn, boxed, blank = [await _drawn(wrapper, sample, Path(folder)) for sample in (text, boxes, "")]
    return drawn not in (boxed, blank)


async def _drawn(wrapper: FFmpegWrapper, text: str, folder: Path) -> bytes:
    """The grey pixels of a frame with the text on it."""
    subtitles, frame = folder / "sample.ass", folder / "frame.gray"
    await asyncio.to_thread(subtitles.write_text, SAMPLE.format(text=text), encoding="utf-8")
    canvas = ffmpeg.input("color=black:size=640x64:duration=1:rate=1", f="lavfi")
    drawn = canvas["v"].filter("subtitles", filename=str(subtitles)).filter("format", "gray")
    await wrapper.run(media_output(frame, drawn, f="rawvideo"))
    return await asyncio.to_thread(frame.read_bytes)


def _packaged_directories() -> tuple[Path, ...]:
    spec = importlib.util.find_spec("manimgx_fonts_cjk")
    locations = spec.submodule_search_locations if spec else None
    return tuple(Path(location) for location in locations or ())


def _fontconfig(directories: tuple[Path, ...], cache: Path) -> str:
    entries = "\n".join(f"  <dir>{escape(str(directory))}</dir>" for directory in directories)
    return f"""<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
{entries}
  <cachedir>{escape(str(cache))}</cachedir>
</fontconfig>
"""
