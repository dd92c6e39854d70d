"""The fonts subtitles are drawn with: ours for Latin, Cyrillic, Greek and CJK, the system's for the rest."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

SYSTEM_FONT_DIRECTORIES = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("/System/Library/Fonts"),
    Path("/Library/Fonts"),
)


@dataclass(frozen=True, slots=True)
class FontSet:
    """A fontconfig file for FFmpeg; pass `environment` to the process."""

    config: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"FONTCONFIG_FILE": str(self.config)}


def prepare_fonts(data_dir: Path) -> FontSet:
    """Writes the fontconfig file under `data_dir`/fonts, so that the result does not hang on the host's."""
    folder = data_dir.absolute() / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "fonts.conf"
    text = _fontconfig((*_packaged_directories(), *SYSTEM_FONT_DIRECTORIES), cache=folder / "cache")
    if not config.exists() or config.read_text() != text:
        config.write_text(text)
    return FontSet(config)


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
