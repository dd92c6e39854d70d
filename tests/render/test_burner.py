from fractions import Fraction
from pathlib import Path

import ffmpeg as graphs
import numpy as np
import pytest
from numpy.typing import NDArray

from app.media.ffmpeg import FFmpegWrapper, media_output
from app.media.probe import VideoStream
from app.render.burner import (
    Colour,
    SubtitleBurner,
    SubtitlePosition,
    SubtitleStyle,
    burn_in,
    parse_colour,
)
from app.subtitles.cues import Cue
from tests.media.clips import grey_frames

LONG_KOREAN = (
    "오늘은 인공지능에 대해 이야기해 보겠습니다. 이 문장은 한 줄에 들어가지 않을 만큼 충분히 깁니다."
)
LONG_JAPANESE = (
    "これはとても長い日本語の文章です。空白がないので自動的に折り返す必要がありますが、どうでしょうか。"
)
PLAIN = SubtitleStyle()


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#FFFFFF", Colour(255, 255, 255)),
        ("#f80", Colour(255, 136, 0)),
        ("#0000ff80", Colour(0, 0, 255, 128 / 255)),
        ("rgb(1, 2,3)", Colour(1, 2, 3)),
        ("rgba(0,0,0,0.5)", Colour(0, 0, 0, 0.5)),
        ("rgba(10,20,30,50%)", Colour(10, 20, 30, 0.5)),
        ("transparent", Colour(0, 0, 0, 0.0)),
    ],
)
def test_css_colours_are_understood(text: str, colour: Colour) -> None:
    assert parse_colour(text) == colour


@pytest.mark.parametrize(
    "text", ["", "white-ish", "#12", "#12345", "#GGGGGG", "rgb(256,0,0)", "rgba(0,0,0,1.5)", "rgb(1,2)"]
)
def test_other_words_are_no_colours(text: str) -> None:
    with pytest.raises(ValueError, match=r"colour|range"):
        parse_colour(text)


def test_colours_as_ass_writes_them() -> None:
    assert Colour(0, 0, 0, 0.5).ass == "&H80000000"
    assert Colour(0x12, 0x34, 0x56).ass == "&H00563412"


def canvas(width: int, height: int) -> VideoStream:
    rate = Fraction(5)
    return VideoStream(0, "h264", width, height, width, height, 0, rate, rate, "yuv420p", None, 0.0)


async def drawn(
    ffmpeg: FFmpegWrapper,
    folder: Path,
    text: str,
    *,
    size: tuple[int, int] = (640, 360),
    language: str = "en",
    style: SubtitleStyle = PLAIN,
) -> NDArray[np.float32]:
    """The brightness of a mid-grey frame with the text on it, of shape (height, width)."""
    burner = SubtitleBurner(style, canvas(*size), language)
    subtitles = burner.write([Cue(0, 1, text)], folder / "text.ass")
    grey = graphs.input(f"color=0x808080:s={size[0]}x{size[1]}:d=0.2:r=5", f="lavfi")["v"]
    out = folder / "frame.mkv"
    await ffmpeg.run(media_output(out, burn_in(grey, subtitles), **{"c:v": "ffv1", "pix_fmt": "yuv420p"}))
    return grey_frames(out)[0]


def extent(frame: NDArray[np.float32], axis: int) -> tuple[int, int]:
    """The first and the last row (axis 1) or column (axis 0) that anything was drawn in."""
    touched = np.flatnonzero(np.any(np.abs(frame - np.median(frame)) > 4, axis=axis))
    return int(touched[0]), int(touched[-1])


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "Hello, world"), ("ko", "안녕하세요"), ("ja", "こんにちは"), ("zh-TW", "你好"), ("ru", "Привет")],
)
async def test_white_letters_in_a_dark_box_at_the_bottom(
    ffmpeg: FFmpegWrapper, tmp_path: Path, language: str, text: str
) -> None:
    frame = await drawn(ffmpeg, tmp_path, text, language=language)
    top, bottom = extent(frame, 1)
    assert top > 290
    assert bottom < 355
    assert frame.max() > 215
    assert frame.min() < 90


async def test_at_the_top(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    frame = await drawn(ffmpeg, tmp_path, "Hello", style=SubtitleStyle(position="top"))
    assert extent(frame, 1)[1] < 70


async def test_without_a_box_there_is_an_outline(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    clear = SubtitleStyle(background=parse_colour("transparent"))
    frame = await drawn(ffmpeg, tmp_path, "Hello", style=clear)
    assert frame.min() < 60
    assert np.mean(np.abs(frame - np.median(frame)) > 4) < 0.01


@pytest.mark.parametrize(("language", "text"), [("ko", LONG_KOREAN), ("ja", LONG_JAPANESE)])
@pytest.mark.parametrize("size", [(640, 360), (360, 640), (1280, 720)])
async def test_long_lines_stay_within_the_picture(
    ffmpeg: FFmpegWrapper, tmp_path: Path, language: str, text: str, size: tuple[int, int]
) -> None:
    frame = await drawn(ffmpeg, tmp_path, text, language=language, size=size)
    left, right = extent(frame, 0)
    assert left > size[0] * 0.03
    assert right < size[0] * 0.97


async def test_letters_grow_with_the_picture(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    small = extent(await drawn(ffmpeg, tmp_path, "Hello", size=(640, 360)), 0)
    large = extent(await drawn(ffmpeg, tmp_path, "Hello", size=(1280, 720)), 0)
    assert large[1] - large[0] == pytest.approx(2 * (small[1] - small[0]), rel=0.05)


async def test_the_clients_text_is_never_a_command(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    plain = extent(await drawn(ffmpeg, tmp_path, "Hi"), 0)
    braces = extent(await drawn(ffmpeg, tmp_path, r"{\fs1\alpha&HFF&}Hi"), 0)
    backslash = extent(await drawn(ffmpeg, tmp_path, r"Hi\Nthere"), 1)
    one_line = extent(await drawn(ffmpeg, tmp_path, "Hi there"), 1)
    assert braces[1] - braces[0] > 3 * (plain[1] - plain[0])
    assert backslash[1] - backslash[0] == pytest.approx(one_line[1] - one_line[0], abs=2)


async def test_line_breaks_break_lines(ffmpeg: FFmpegWrapper, tmp_path: Path) -> None:
    one = extent(await drawn(ffmpeg, tmp_path, "Hello"), 1)
    two = extent(await drawn(ffmpeg, tmp_path, "Hello\nworld"), 1)
    assert two[1] - two[0] > 1.6 * (one[1] - one[0])


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (3840, 2160), (854, 480), (402, 302)])
@pytest.mark.parametrize("position", ["bottom", "top"])
async def test_nothing_is_clipped_at_any_size(
    ffmpeg: FFmpegWrapper, tmp_path: Path, size: tuple[int, int], position: SubtitlePosition
) -> None:
    style = SubtitleStyle(position=position)
    text = "A fairly long line of dialogue that has to be broken somewhere sensible"
    frame = await drawn(ffmpeg, tmp_path, text, size=size, style=style)
    width, height = size
    left, right = extent(frame, 0)
    top, bottom = extent(frame, 1)
    assert left > width * 0.03
    assert right < width * 0.97
    assert left + right == pytest.approx(width, abs=width * 0.02)
    assert top > height * 0.03
    assert bottom < height * 0.97
    assert (top > height / 2) == (position == "bottom")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "https://example.org/" + "address" * 12),
        ("th", "ภาษาไทยไม่มีช่องว่างระหว่างคำจึงต้องตัดบรรทัดให้พอดีกับความกว้างของภาพเสมอและไม่ควรล้นออกไปนอกจอ"),
    ],
)
async def test_what_has_no_blanks_stays_within_the_picture(
    ffmpeg: FFmpegWrapper, tmp_path: Path, language: str, text: str
) -> None:
    frame = await drawn(ffmpeg, tmp_path, text, language=language, size=(360, 640))
    left, right = extent(frame, 0)
    assert left > 360 * 0.03
    assert right < 360 * 0.97


def test_lines_are_broken_by_the_rules_of_reading() -> None:
    text = "I have told you that it is a long line, and so it should be broken"
    document = SubtitleBurner(PLAIN, canvas(1920, 1080), "en").document([Cue(0, 1, text)])
    assert r"I have told you that it is a long line,\Nand so it should be broken" in document


def test_lines_are_shorter_in_a_narrow_picture_or_a_large_font() -> None:
    text = "I have told you that it is a long line"
    wide = SubtitleBurner(PLAIN, canvas(640, 360), "en").document([Cue(0, 1, text)])
    narrow = SubtitleBurner(PLAIN, canvas(360, 640), "en").document([Cue(0, 1, text)])
    large = SubtitleBurner(SubtitleStyle(font_size=40), canvas(640, 360), "en").document([Cue(0, 1, text)])
    assert [document.count(r"\N") for document in (wide, narrow, large)] == [0, 1, 1]
