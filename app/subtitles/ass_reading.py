"""What is said in Advanced SubStation Alpha files; how it looks is left to our own styles."""

import re
from collections.abc import Iterator, Sequence

from app.core.errors import ErrorCode, Problem
from app.subtitles.ass import WORD_JOINER
from app.subtitles.cues import Cue, name_of_speaker

_FIELDS = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")
_TIME = re.compile(r"(\d{1,4}):(\d{1,2}):(\d{1,2})(?:[.:,](\d{1,3}))?")
_SPECIAL = re.compile(rf"\\([{{}}])|\{{([^{{}}]*)\}}|\\([Nnh{WORD_JOINER}])")
_STYLING = re.compile(r"\\([biu])(\d+)")
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9]")
_CHARACTERS = {"N": "\n", "n": "\n", "h": " ", WORD_JOINER: "\\"}


def read_ass(lines: Sequence[str]) -> tuple[Cue, ...]:
    """The lines of a dialogue, each once, though files often draw them twice: its outline by itself. Comments
    and drawings are none. Raises `Problem(INVALID_SUBTITLE_FILE)`, lines counted from 1."""
    return tuple(dict.fromkeys(_events(lines)))


def _events(lines: Sequence[str]) -> Iterator[Cue]:
    section = ""
    fields: Sequence[str] = _FIELDS
    for number, line in enumerate(lines, start=1):
        kind, _, values = line.partition(":")
        if line.startswith("["):
            section = line.lower()
        elif kind == "Format" and section == "[events]":
            fields = tuple(field.strip().lower() for field in values.split(","))
        elif kind == "Dialogue" and not _DRAWING.search(values):
            yield _event(number, fields, values)


def _event(number: int, fields: Sequence[str], values: str) -> Cue:
    told = dict(zip(fields, values.split(",", len(fields) - 1), strict=False))
    if not {"start", "end", "text"} <= told.keys():
        raise Problem(
            ErrorCode.INVALID_SUBTITLE_FILE, line=number, reason="expected the fields of the Format line"
        )
    return Cue(
        _seconds(number, told["start"]),
        _seconds(number, told["end"]),
        _text(told["text"]),
        speaker=name_of_speaker(told.get("name") or told.get("actor")),
    )


def _seconds(number: int, time: str) -> float:
    read = _TIME.fullmatch(time.strip())
    if read is None:
        raise Problem(ErrorCode.INVALID_SUBTITLE_FILE, line=number, reason="unreadable time")
    hours, minutes, seconds, fraction = read.groups()
    return round(int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction or 0}"), 3)


def _text(written: str) -> str:
    text = _SPECIAL.sub(_meaning, written)
    for tag in "biu":
        opened, closed = text.count(f"<{tag}>"), text.count(f"</{tag}>")
        if opened > closed:
            text += f"</{tag}>" * (opened - closed)
        elif closed > opened:
            text = text.replace(f"<{tag}>", "").replace(f"</{tag}>", "")
    return text


def _meaning(special: re.Match[str]) -> str:
    brace, overrides, character = special.groups()
    if overrides is None:
        return brace or _CHARACTERS[character]
    return "".join(f"<{'' if int(value) else '/'}{tag}>" for tag, value in _STYLING.findall(overrides))
