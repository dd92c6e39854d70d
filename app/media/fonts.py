"""The fonts subtitles are drawn with: packaged ones for most scripts, the system's for the rest."""

import asyncio
import importlib.util
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import ffmpeg

from app.core.errors import ErrorCode, Problem
from app.media.ffmpeg import FFmpegWrapper, media_output

FONT_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")
SYSTEM_FONT_DIRECTORIES = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("/System/Library/Fonts"),
    Path("/Library/Fonts"),
)
NO_CHARACTER = "\U0010ffff"
FIRST_PICTOGRAPH = 0x1F000
SAMPLED_CHARACTERS = 8
SAMPLE_PIXELS = 640 * 64
SAMPLE = """[Script Info]
PlayResX: 640
PlayResY: 64

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment
Style: Default,Noto Sans,32,&H00FFFFFF,5

[Events]
Format: Start, End, Style, Text
"""


@dataclass(frozen=True, slots=True)
class Font:
    """`line_height` is that of a line as .ass measures it, in sizes of the font."""

    family: str
    line_height: float


LATIN = Font("Noto Sans", 1.519)
ARABIC = Font("Noto Sans Arabic", 2.169)
BENGALI = Font("Noto Sans Bengali", 1.403)
DEVANAGARI = Font("Noto Sans Devanagari", 1.906)
ETHIOPIC = Font("Noto Sans Ethiopic", 1.362)
HEBREW = Font("Noto Sans Hebrew", 1.36)
FONTS = {
    "am": ETHIOPIC,
    "ar": ARABIC,
    "as": BENGALI,
    "bn": BENGALI,
    "fa": ARABIC,
    "gu": Font("Noto Sans Gujarati", 1.484),
    "he": HEBREW,
    "hi": DEVANAGARI,
    "hy": Font("Noto Sans Armenian", 1.36),
    "ka": Font("Noto Sans Georgian", 1.378),
    "km": Font("Noto Sans Khmer", 1.862),
    "kn": Font("Noto Sans Kannada", 1.645),
    "lo": Font("Noto Sans Lao", 1.645),
    "ml": Font("Noto Sans Malayalam", 1.247),
    "mr": DEVANAGARI,
    "my": Font("Noto Sans Myanmar", 2.184),
    "ne": DEVANAGARI,
    "or": Font("Noto Sans Oriya", 1.362),
    "pa": Font("Noto Sans Gurmukhi", 1.304),
    "ps": ARABIC,
    "sa": DEVANAGARI,
    "sd": ARABIC,
    "si": Font("Noto Sans Sinhala", 1.312),
    "ta": Font("Noto Sans Tamil", 1.24),
    "te": Font("Noto Sans Telugu", 1.478),
    "th": Font("Noto Sans Thai", 1.511),
    "ti": ETHIOPIC,
    "ug": ARABIC,
    "ur": ARABIC,
    "yi": HEBREW,
}
# One Chinese character is drawn in several ways. The longest tag that fits counts.
CJK_FONTS = {"ja": "JP", "ko": "KR", "zh-hant": "TC", "zh-tw": "TC", "zh-hk": "HK", "yue": "HK", "zh": "SC"}
CJK_LINE_HEIGHT = 1.448


def font_for(language: str) -> Font:
    """The font that is made for the language (BCP 47); where it lacks a character, others step in."""
    code = language.lower()
    for prefix, suffix in CJK_FONTS.items():
        if code == prefix or code.startswith(f"{prefix}-"):
            return Font(f"Noto Sans CJK {suffix}", CJK_LINE_HEIGHT)
    return FONTS.get(code.split("-")[0], LATIN)


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
    return (await _rendered(wrapper, [text]))[0]


async def require_fonts(wrapper: FFmpegWrapper, texts: Iterable[str]) -> None:
    """Raises `Problem(FONT_MISSING)` for the first script in the texts that no font draws."""
    samples = _samples(texts)
    for sample, seen in zip(samples, await _rendered(wrapper, samples), strict=True):
        if not seen:
            raise Problem(ErrorCode.FONT_MISSING, script=_script(sample[0]) or "", sample=sample)


def _samples(texts: Iterable[str]) -> list[str]:
    """Some characters of each script there is."""
    found: dict[str, dict[str, None]] = {}
    for character in dict.fromkeys(character for text in texts for character in text):
        script = _script(character)
        if script is not None:
            found.setdefault(script, {})[character] = None
    return ["".join([*characters][:SAMPLED_CHARACTERS]) for characters in found.values()]


def _script(character: str) -> str | None:
    """What a font has to know to draw it, None for what every font does."""
    kind = unicodedata.category(character)
    if character.isascii() or kind[0] not in "LS" or kind in {"Lm", "Sk"}:
        return None
    if kind[0] == "S":
        return "emoji" if ord(character) >= FIRST_PICTOGRAPH else "symbols"
    return unicodedata.name(character, "unknown").split(maxsplit=1)[0].capitalize()


async def _rendered(wrapper: FFmpegWrapper, texts: Sequence[str]) -> list[bool]:
    """Which texts are drawn as something else than nothing or empty boxes."""
    if not texts:
        return []
    boxes = ["".join(" " if mark.isspace() else NO_CHARACTER for mark in text) for text in texts]
    blank, *frames = await _drawn(wrapper, ["", *texts, *boxes])
    drawn, boxed = frames[: len(texts)], frames[len(texts) :]
    return [frame not in (box, blank) for frame, box in zip(drawn, boxed, strict=True)]


async def _drawn(wrapper: FFmpegWrapper, lines: Sequence[str]) -> list[bytes]:
    """The grey pixels of a frame for each line."""
    events = [
        f"Dialogue: {_clock(second)},{_clock(second + 1)},Default,{line}\n"
        for second, line in enumerate(lines)
    ]
    with tempfile.TemporaryDirectory() as folder:
        subtitles, frames = Path(folder) / "sample.ass", Path(folder) / "frames.gray"
        await asyncio.to_thread(subtitles.write_text, SAMPLE + "".join(events), encoding="utf-8")
        canvas = ffmpeg.input(f"color=black:size=640x64:duration={len(lines)}:rate=1", f="lavfi")
        drawn = canvas["v"].filter("subtitles", filename=str(subtitles)).filter("format", "gray")
        await wrapper.run(media_output(frames, drawn, f="rawvideo"))
        pixels = await asyncio.to_thread(frames.read_bytes)
    return [pixels[start : start + SAMPLE_PIXELS] for start in range(0, len(pixels), SAMPLE_PIXELS)]


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.00"


def _packaged_directories() -> Iterator[Path]:
    for package in FONT_PACKAGES:
        spec = importlib.util.find_spec(package)
        for location in (spec and spec.submodule_search_locations) or ():
            yield Path(location)


def _fontconfig(directories: tuple[Path, ...], cache: Path) -> str:
    entries = "\n".join(f"  <dir>{escape(str(directory))}</dir>" for directory in directories)
    return f"""<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
{entries}
  <cachedir>{escape(str(cache))}</cachedir>
</fontconfig>
"""
