"""Whatever a subtitle file holds, it is read or refused, in bounded time, and what was written is read
back."""

import string
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import ErrorCode, Problem
from app.subtitles.cues import Cue, without_markup
from app.subtitles.formatter import SubtitleFormat, parse, serialise

# The same at every run.
BOUNDS = settings(deadline=None, derandomize=True, database=None)
FORMATS: tuple[SubtitleFormat, ...] = ("srt", "vtt", "ass")
LANGUAGES = (None, "ko", "ja", "zh", "ru", "ar", "en")
# What parsers look for, so that made-up files get past their first line.
PIECES = (
    "WEBVTT",
    "NOTE",
    "STYLE",
    "\n",
    "\r\n",
    "\n\n",
    "1\n",
    "-->",
    "00:00:01,000 --> 00:00:02,000\n",
    "00:01.000 --> 00:02.500 align:start\n",
    "99:59:59.999 --> 00:00:00.000\n",
    "[Script Info]\n",
    "[Events]\n",
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n",
    "Format: Text, Start\n",
    "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Hello\n",
    "Dialogue:",
    "{\\an8}",
    "{\\",
    "<b>",
    "</i>",
    "<v Roger>",
    "<00:01.000>",
    "&lt;",
    "&#",
    "\\N",
    "안녕하세요",
    "\u202e",
    "\ufeff",
    "\0",
)
MADE_UP = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=20)), max_size=40).map("".join)
OPENINGS: dict[SubtitleFormat, str] = {
    "srt": "1\n00:00:01.000 --> 00:00:02.000\n",
    "vtt": "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n",
    "ass": "[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,",
}
LENGTH = 300_000
LONGEST_SECONDS = 5.0
# What makes careless parsers go back and forth.
TEDIOUS = (
    "<",
    "<b",
    "<rt>",
    "<v .",
    "{\\",
    "{\\{",
    "0 : ",
    "0:0:0,",
    "00:00:01,000 --> ",
    "-->",
    " ",
    "\n",
    "&",
    "&lt;/",
    "\\N",
    "1\n00:00:01,000 --> 00:00:02,000\nx\n\n",
    "Dialogue: ",
    ",",
)
# A line as people write them: something to see, no markup and nothing that means something to a format.
WORDS = st.text(
    string.ascii_letters + string.digits + " .,!?'안녕하세요こんにちは你好éß", min_size=1, max_size=60
)
LINES = WORDS.map(lambda text: " ".join(text.split())).filter(lambda text: any(map(str.isalpha, text)))


@st.composite
def tracks(draw: st.DrawFn) -> tuple[Cue, ...]:
    """Cues one after the other, in hundredths of a second, which every format can tell."""
    moment = 0
    cues = []
    for text in draw(st.lists(LINES, min_size=1, max_size=8)):
        start = moment + draw(st.integers(10, 500))
        moment = start + draw(st.integers(10, 500))
        cues.append(Cue(start / 100, moment / 100, text))
    return tuple(cues)


def read(data: bytes, file_format: SubtitleFormat, language: str | None) -> tuple[Cue, ...] | None:
    """The cues, once they are what cues are; None if the file was refused."""
    try:
        cues = parse(data, file_format, language)
    except Problem as problem:
        assert problem.code is ErrorCode.INVALID_SUBTITLE_FILE
        return None
    assert cues
    for cue in cues:
        assert 0 <= cue.start < cue.end
        assert without_markup(cue.text).strip()
        assert "\0" not in cue.text
    assert all(before.end <= after.start for before, after in pairwise(cues))
    return cues


@settings(BOUNDS, max_examples=150)
@given(st.binary(max_size=2000), st.sampled_from(FORMATS), st.sampled_from(LANGUAGES))
def test_any_bytes_are_read_or_refused(
    data: bytes, file_format: SubtitleFormat, language: str | None
) -> None:
    read(data, file_format, language)


@settings(BOUNDS, max_examples=300)
@given(MADE_UP, st.sampled_from(FORMATS), st.sampled_from(("utf-8", "utf-16", "cp949")))
def test_any_text_is_read_or_refused(text: str, file_format: SubtitleFormat, encoding: str) -> None:
    cues = read(text.encode(encoding, "replace"), file_format, "ko")
    if cues is not None:
        for written in FORMATS:
            assert read(serialise(cues, written, "ko").encode(), written, "ko") is not None


@settings(BOUNDS, max_examples=100)
@given(tracks(), st.sampled_from(FORMATS))
def test_what_was_written_is_read_back(cues: tuple[Cue, ...], file_format: SubtitleFormat) -> None:
    assert parse(serialise(cues, file_format, "en").encode(), file_format, "en") == cues


@pytest.mark.parametrize("piece", TEDIOUS)
@pytest.mark.parametrize("file_format", FORMATS)
def test_no_file_takes_long(piece: str, file_format: SubtitleFormat) -> None:
    opening = {
        "srt": "1\n",
        "vtt": "WEBVTT\n\n",
        "ass": "[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,",
    }
    times = "" if file_format == "ass" else "00:00:01.000 --> 00:00:02.000\n"
    content = opening[file_format] + times + piece * (LENGTH // len(piece))
    begun = time.process_time()
    read(content.encode(), file_format, "en")
    assert time.process_time() - begun < LONGEST_SECONDS
