"""SubtitleFormatter: subtitle files, written strictly, read as they are found in the wild."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NoReturn

from app.core.errors import ErrorCode, Problem
from app.subtitles.ass import as_ass
from app.subtitles.ass_reading import read_ass
from app.subtitles.cues import Cue, name_of_speaker, one_at_a_time, without_markup
from app.subtitles.encodings import decode

SubtitleFormat = Literal["srt", "vtt", "ass"]

_LINE_END = re.compile(r"\r{0,2}\n|\r")
_TIME = r"(-?) ?(?:(\d{1,4}) ?: ?)?(\d{1,2}) ?: ?(\d{1,2})(?: ?[.,:] ?(\d{1,6}))?"
_TIME_LINE = re.compile(rf"{_TIME} ?--> ?{_TIME}(?= |$|[a-z]+:)")
_CLOCK = re.compile(r"\d ?: ?\d")
_VTT_HEADER = re.compile(r"WEBVTT(?!\w)")
_VTT_COMMENT = re.compile(r"NOTE(?!\S)|(?:STYLE|REGION)$")

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_BREAK_TAG = re.compile(r"<br\s*/?>|\\N", re.IGNORECASE)
_RUBY_READING = re.compile(r"<rt\b[^<>]*>[^<]*(?:</rt>)?", re.IGNORECASE)
_KEPT_TAG = re.compile(r"<(/?)([biu])(?:[.\s][^<>]*)?>", re.IGNORECASE)
_OTHER_TAG = re.compile(r"<(?!/?[biu]>)/?(?:[a-zA-Z][^<>]*|\d[\d:.]*)>|</>")
_VOICE_TAG = re.compile(r"<v(?:\.[^\s<>]*)?\s([^<>]*)>", re.IGNORECASE)
_ASS_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
_ESCAPED_KEPT_TAG = re.compile(r"&lt;(/?[biu])&gt;")


def serialise(cues: Sequence[Cue], file_format: SubtitleFormat, language: str) -> str:
    """The file's text, with `\\n` line ends. `language` (BCP 47) is told in the header, but of SubRip."""
    match file_format:
        case "srt":
            return _as_srt(cues)
        case "vtt":
            return _as_vtt(cues, language)
        case "ass":
            return as_ass(cues, language)


def parse(data: bytes, file_format: SubtitleFormat, language: str | None = None) -> tuple[Cue, ...]:
    """The cues of a file as `one_at_a_time` orders them; `language` helps to tell the encoding.

    Any common encoding and line end, missing numbers, hours and milliseconds, and blank lines out of place
    are read. Of the tags, `<b>`, `<i>` and `<u>` stay; WebVTT's `<v>` and the name of an .ass file's line
    tell the speaker. No text is ever left out silently: what cannot be read is refused by
    `Problem(INVALID_SUBTITLE_FILE, line=, reason=)`, lines counted from 1.
    """
    text = decode(data, language)
    if text is None:
        _refuse(1, "unknown character encoding")
    lines = [_stripped(line) for line in _LINE_END.split(text)]
    cues = _read_events(lines) if file_format == "ass" else _read_blocks(lines, file_format)
    spoken = [cue for cue in cues if without_markup(cue.text).strip()]
    if not spoken:
        _refuse(len(lines), "no subtitle text found")
    return one_at_a_time(spoken)


def _read_events(lines: Sequence[str]) -> tuple[Cue, ...]:
    return tuple(replace(cue, text=_tidy_lines(cue.text)) for cue in read_ass(lines))


def _read_blocks(lines: Sequence[str], file_format: SubtitleFormat) -> tuple[Cue, ...]:
    """Of WebVTT, which its header tells, or of SubRip."""
    is_vtt = file_format == "vtt" or bool(_VTT_HEADER.match(lines[0]))
    drafts = _Reader(_without_comments(lines) if is_vtt else lines).read()
    return tuple(_cue(draft, is_vtt=is_vtt) for draft in drafts)


def _refuse(line: int, reason: str) -> NoReturn:
    raise Problem(ErrorCode.INVALID_SUBTITLE_FILE, line=line, reason=reason)


def _as_srt(cues: Sequence[Cue]) -> str:
    from pysrt import SubRipItem

    return "\n".join(
        str(SubRipItem(index, _milliseconds(cue.start), _milliseconds(cue.end), _srt_text(_shown(cue))))
        for index, cue in enumerate(cues, 1)
    )


def _as_vtt(cues: Sequence[Cue], language: str) -> str:
    from webvtt import Caption, WebVTT

    captions = [Caption(_vtt_time(cue.start), _vtt_time(cue.end), _vtt_payload(cue)) for cue in cues]
    content: str = WebVTT(captions=captions, metadata=["Kind: captions", f"Language: {language}"]).content
    return content


def _shown(cue: Cue) -> str:
    return f"{cue.text}\n{cue.below}" if cue.below else cue.text


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _vtt_time(seconds: float) -> str:
    minutes, milliseconds = divmod(_milliseconds(seconds), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def _srt_text(text: str) -> str:
    """SubRip knows no escapes: an arrow in the text could be taken for a time line."""
    return _tidy_lines(text).replace("-->", "->")


def _vtt_payload(cue: Cue) -> str:
    text = _vtt_text(_shown(cue))
    return text if cue.speaker is None else f"<v {html.escape(cue.speaker, quote=False)}>{text}</v>"


def _vtt_text(text: str) -> str:
    return _ESCAPED_KEPT_TAG.sub(r"<\1>", html.escape(_tidy_lines(text), quote=False))


def _stripped(line: str) -> str:
    """Blanks within a time line are made single too, so that reading its times takes bounded work."""
    return " ".join(line.split()) if "-->" in line else line.strip()


def _cue(draft: "_Draft", *, is_vtt: bool) -> Cue:
    text = _clean(draft.text, unescape=is_vtt)
    return Cue(draft.start, draft.end, text, speaker=_voice(draft.text) if is_vtt else None)


def _voice(lines: Sequence[str]) -> str | None:
    """Who says all of it; None where two do, since no line is spoken by both."""
    names = {name_of_speaker(html.unescape(name)) for name in _VOICE_TAG.findall("\n".join(lines))}
    return names.pop() if len(names) == 1 else None


def _clean(lines: Sequence[str], *, unescape: bool) -> str:
    text = _LINE_BREAK_TAG.sub("\n", "\n".join(lines))
    text = _ASS_OVERRIDE.sub("", _RUBY_READING.sub("", text))
    text = _KEPT_TAG.sub(lambda tag: f"<{tag[1]}{tag[2].lower()}>", text)
    text = _OTHER_TAG.sub("", text)
    return _tidy_lines(html.unescape(text) if unescape else text)


def _tidy_lines(text: str) -> str:
    """No control characters and no blank lines: a blank line ends a cue in both formats."""
    stripped = (_CONTROL.sub("", line).strip() for line in _LINE_END.split(text))
    return "\n".join(line for line in stripped if line)


def _without_comments(lines: Sequence[str]) -> list[str]:
    """The lines with WebVTT's header and its NOTE, STYLE and REGION blocks blanked, so that numbers hold."""
    kept: list[str] = []
    in_header = bool(_VTT_HEADER.match(lines[0]))
    in_comment = False
    after_blank = True
    for line in lines:
        in_header = in_header and bool(line) and not _is_about_time(line)
        in_comment = bool(line) and (in_comment or (after_blank and bool(_VTT_COMMENT.match(line))))
        kept.append("" if in_header or in_comment else line)
        after_blank = not line
    return kept


def _is_about_time(line: str) -> bool:
    """Whether it is a time line, readable or not."""
    return "-->" in line and bool(_CLOCK.search(line))


@dataclass(slots=True)
class _Draft:
    """A cue being read; `number` is the one written above it, if any."""

    start: float
    end: float
    number: int | None
    text: list[str] = field(default_factory=list)


class _Reader:
    """Cues out of lines, by their time lines.

    The text of a cue goes on to the next time line, whether blank lines stand between or not. The line
    above a time line is the cue's number or name if it is a number or follows a blank line.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._drafts: list[_Draft] = []

    def read(self) -> list[_Draft]:
        name = ""
        for index, line in enumerate(self._lines):
            times = _TIME_LINE.match(line)
            if times:
                self._begin_cue(times, name)
                name = ""
            elif self._names_a_cue(index):
                name = line
            elif line:
                self._add_text(index)
        return self._drafts

    def _begin_cue(self, times: re.Match[str], name: str) -> None:
        clock = times.groups()
        number = int(name) if _is_number(name) else None
        self._drafts.append(_Draft(_seconds(*clock[:5]), _seconds(*clock[5:]), number))

    def _names_a_cue(self, index: int) -> bool:
        line = self._lines[index]
        if not line:
            return False
        starts_block = index == 0 or not self._lines[index - 1]
        if self._is_about_time(index + 1):
            return starts_block or _is_number(line)
        return starts_block and _is_number(line) and self._stands_alone(index)

    def _stands_alone(self, index: int) -> bool:
        """Whether only blank lines lie between this line and the next time line or the end."""
        following = next((at for at in range(index + 1, len(self._lines)) if self._lines[at]), None)
        return following != index + 1 and (following is None or self._is_about_time(following))

    def _is_about_time(self, index: int) -> bool:
        return index < len(self._lines) and _is_about_time(self._lines[index])

    def _add_text(self, index: int) -> None:
        line = self._lines[index]
        if _is_about_time(line):
            _refuse(index + 1, "unreadable time")
        if not self._drafts or self._is_next_number(index):
            _refuse(index + 1, "expected a time line such as 00:00:01,000 --> 00:00:04,000")
        self._drafts[-1].text.append(line)

    def _is_next_number(self, index: int) -> bool:
        """Whether a cue begins here by its number, its time line missing."""
        line, last = self._lines[index], self._drafts[-1].number
        starts_block = not self._lines[index - 1]
        return starts_block and last is not None and _is_number(line) and int(line) == last + 1


def _is_number(line: str) -> bool:
    return line.isdecimal() and len(line) < 10


def _seconds(sign: str, hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    """Times before zero are zero."""
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return 0.0 if sign else round(whole + float(f"0.{fraction or 0}"), 3)
