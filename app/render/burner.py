"""SubtitleBurner: subtitles drawn into the picture, in the look that the client asked for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ffmpeg.nodes import FilterableStream

from app.media.filters import shown_size
from app.media.fonts import font_for
from app.media.probe import VideoStream
from app.subtitles.ass import escaped, timestamp
from app.subtitles.cues import Cue, without_markup
from app.subtitles.readability import columns, rules_for
from app.subtitles.wrapping import wrap

SubtitlePosition = Literal["bottom", "top"]

REFERENCE_SHORT_SIDE = 360
ALIGNMENTS: dict[SubtitlePosition, int] = {"bottom": 2, "top": 8}
OUTLINED, BOXED = 1, 4
# Balancing lines moves a full stop to the start of one where lines may break between characters.
BALANCED, FILLED = 0, 1
WITHOUT_BLANKS = frozenset({"ja", "zh", "yue"})
MARGIN = 0.06
# How wide a column of text is, in sizes of the font: seldom more than this.
COLUMN_WIDTH, WIDE_COLUMN_WIDTH = 0.6, 0.5
BEFORE_THEIR_CONSONANT = frozenset("เแโใไເແໂໃໄ")

_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)
_RGB = re.compile(
    r"rgba?\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*(?:,\s*(\d*\.?\d+)(%?)\s*)?\)", re.IGNORECASE
)
_PIECES = re.compile(r"</?[biu]>|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Colour:
    """`red`, `green` and `blue` from 0 to 255; `opacity` from 0 to 1."""

    red: int
    green: int
    blue: int
    opacity: float = 1.0

    @property
    def ass(self) -> str:
        """As .ass files write it: &HAABBGGRR with 00 for opaque."""
        return f"&H{round((1 - self.opacity) * 255):02X}{self.blue:02X}{self.green:02X}{self.red:02X}"


@dataclass(frozen=True, slots=True)
class SubtitleStyle:
    """`font_size` is in pixels of a 640 × 360 player, where 16 is common, and grows with the picture."""

    position: SubtitlePosition = "bottom"
    font_size: float = 16
    colour: Colour = Colour(255, 255, 255)
    background: Colour = Colour(0, 0, 0, 0.5)


def parse_colour(text: str) -> Colour:
    """A CSS colour: `#RGB`, `#RGBA`, `#RRGGBB`, `#RRGGBBAA`, `rgb(…)`, `rgba(…)` or `transparent`.

    Raises `ValueError` for anything else.
    """
    value = text.strip()
    if value.lower() == "transparent":
        return Colour(0, 0, 0, 0.0)
    if _HEX.fullmatch(value):
        return _hex_colour(value[1:])
    if match := _RGB.fullmatch(value):
        return _rgb_colour(match)
    raise ValueError(f"{text!r} is not a colour such as #FFFFFF or rgba(0,0,0,0.5)")


@dataclass(frozen=True, slots=True)
class SubtitleFile:
    """An .ass file; `breaks_between_characters` where the language puts no blanks between words."""

    path: Path
    breaks_between_characters: bool = False


class SubtitleBurner:
    """Writes .ass files for one picture, language and style; `burn_in` draws them."""

    def __init__(self, style: SubtitleStyle, video: VideoStream, language: str) -> None:
        self._style = style
        self._width, self._height = shown_size(video)
        self._font = font_for(language)
        self._without_blanks = language.lower().split("-")[0] in WITHOUT_BLANKS
        rules = rules_for(language)
        column = self._font_size() * (WIDE_COLUMN_WIDTH if rules.full_width else COLUMN_WIDTH)
        self._columns = max(1, int(self._width * (1 - 2 * MARGIN) / column))
        room = self._columns // 2 if rules.full_width else self._columns
        self._rules = replace(rules, characters_per_line=max(1, min(room, rules.characters_per_line)))

    def write(self, cues: Iterable[Cue], path: Path) -> SubtitleFile:
        """Writes the .ass file of the cues, whose times are on the video's clock; blocking."""
        path.write_text(self.document(cues), encoding="utf-8")
        return SubtitleFile(path, self._without_blanks)

    def document(self, cues: Iterable[Cue]) -> str:
        events = [
            f"Dialogue: 0,{timestamp(cue.start)},{timestamp(cue.end)},Default,,0,0,0,,"
            f"{escaped(self._wrapped(cue.text))}"
            for cue in cues
        ]
        return "\n".join((self._header(), *events, ""))

    def _wrapped(self, text: str) -> str:
        """In lines as the language's rules have them, or shorter ones where the picture is narrow."""
        return "\n".join(_held(line, self._columns) for line in wrap(text, self._rules).split("\n"))

    def _header(self) -> str:
        return f"""[Script Info]
ScriptType: v4.00+
PlayResX: {self._width}
PlayResY: {self._height}
WrapStyle: {FILLED if self._without_blanks else BALANCED}
ScaledBorderAndShadow: yes
YCbCr Matrix: None

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, \
MarginR, MarginV, Encoding
Style: {self._style_line()}

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"""

    def _style_line(self) -> str:
        style, size = self._style, self._font_size()
        boxed = style.background.opacity > 0
        # In a box the shadow's depth is the padding; without one an outline keeps the text legible.
        border, outline, shadow = (BOXED, 0.0, size * 0.25) if boxed else (OUTLINED, size * 0.08, 0.0)
        fields = (
            "Default",
            self._font.family,
            f"{size * self._font.line_height:.2f}",  # .ass files give the height of a line
            style.colour.ass,
            style.colour.ass,
            Colour(0, 0, 0, style.colour.opacity).ass,
            style.background.ass,
            *("0", "0", "0", "0"),
            *("100", "100", "0", "0"),
            border,
            f"{outline:.2f}",
            f"{shadow:.2f}",
            ALIGNMENTS[style.position],
            *(round(self._width * MARGIN), round(self._width * MARGIN)),
            round(self._height * 0.05 + shadow),
            -1,  # the direction of each line is that of its own letters
        )
        return ",".join(map(str, fields))

    def _font_size(self) -> float:
        """By the shorter side, so that a portrait video's lines hold as many words as they should."""
        return self._style.font_size * min(self._width, self._height) / REFERENCE_SHORT_SIDE


def burn_in(picture: FilterableStream, subtitles: SubtitleFile) -> FilterableStream:
    """The picture with the subtitles drawn into it."""
    between_characters = int(subtitles.breaks_between_characters)
    return picture.filter(
        "subtitles", filename=str(subtitles.path.absolute()), wrap_unicode=between_characters
    )


def _hex_colour(digits: str) -> Colour:
    if len(digits) <= 4:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue, *alpha = bytes.fromhex(digits)
    return Colour(red, green, blue, alpha[0] / 255 if alpha else 1.0)


def _rgb_colour(match: re.Match[str]) -> Colour:
    red, green, blue = (int(part) for part in match.group(1, 2, 3))
    opacity = float(match[4] or 1) / (100 if match[5] else 1)
    if max(red, green, blue) > 255 or opacity > 1:
        raise ValueError(f"{match[0]!r} has a part out of range")
    return Colour(red, green, blue, opacity)


def _held(line: str, limit: int) -> str:
    """The line, parted where it runs out of the picture: an address, or a script without blanks."""
    if columns(without_markup(line)) <= limit:
        return line
    parted, used = "", 0
    for piece in _PIECES.findall(line):
        width = 0 if piece.startswith("<") else columns(piece)
        if used + width > limit and not (parted and parted[-1] in BEFORE_THEIR_CONSONANT):
            parted, used = parted.rstrip() + "\n", 0
        parted, used = parted + piece, used + width
    return parted
