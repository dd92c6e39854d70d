"""Advanced SubStation Alpha files: how their text and times are written, and plain ones for players."""

import re
from collections.abc import Sequence

from app.subtitles.cues import Cue

WORD_JOINER = "\u2060"
_MARKUP = re.compile(r"<(/?)([biu])>")
_HEADER = """[Script Info]
ScriptType: v4.00+
PlayResX: 1280
PlayResY: 720
WrapStyle: 0
ScaledBorderAndShadow: yes
Language: {language}

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, \
MarginR, MarginV, Encoding
Style: Default,sans-serif,48,&H00FFFFFF,&H00FFFFFF,&H00000000,&H80000000,\
0,0,0,0,100,100,0,0,1,2.5,1,2,64,64,40,-1
Style: Below,sans-serif,34,&H00D0D0D0,&H00D0D0D0,&H00000000,&H80000000,\
0,0,0,0,100,100,0,0,1,2,1,2,64,64,40,-1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"""


def as_ass(cues: Sequence[Cue], language: str) -> str:
    """A file for any player, in one plain style and a smaller one for what is `below`."""
    return "\n".join((_HEADER.format(language=language), *map(_event, cues), ""))


def timestamp(seconds: float) -> str:
    """As `h:mm:ss.cc`: these files know hundredths of a second."""
    hundredths = max(0, round(seconds * 100))
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 100:02}.{rest % 100:02}"


def escaped(text: str) -> str:
    """Text that only means itself, but for bold, italics and underlining."""
    # Nothing can follow this backslash that would make it a command.
    literal = text.replace("\\", "\\" + WORD_JOINER).replace("{", r"\{").replace("}", r"\}")
    lines = (line.strip() for line in literal.splitlines() if line.strip())
    return _MARKUP.sub(_override, r"\N".join(lines))


def _event(cue: Cue) -> str:
    # A comma would end the field.
    name = (cue.speaker or "").replace(",", " ")
    times = f"{timestamp(cue.start)},{timestamp(cue.end)}"
    return f"Dialogue: 0,{times},Default,{name},0,0,0,,{_event_text(cue)}"


def _event_text(cue: Cue) -> str:
    return escaped(cue.text) + (rf"\N{{\rBelow}}{escaped(cue.below)}" if cue.below else "")


def _override(tag: re.Match[str]) -> str:
    return f"{{\\{tag[2]}{0 if tag[1] else 1}}}"
