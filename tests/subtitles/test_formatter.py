"""Subtitle files: what is written can be read, and wild files are read or refused with a line."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from app.core.errors import ErrorCode, Problem
from app.subtitles.cues import Cue, one_at_a_time
from app.subtitles.formatter import SubtitleFormat, parse, serialise

MEDIA = Path(__file__).parents[2].parent / "shared" / "media"
SUBTITLES = MEDIA / "subs"
needs_media = pytest.mark.skipif(not SUBTITLES.is_dir(), reason="the test media are not beside the checkout")
TO_THE_MILLISECOND: tuple[SubtitleFormat, ...] = ("srt", "vtt")
FORMATS: tuple[SubtitleFormat, ...] = (*TO_THE_MILLISECOND, "ass")


def wild(name: str) -> bytes:
    return (SUBTITLES / name).read_bytes()


def srt(text: str, times: str = "00:00:01,000 --> 00:00:02,000") -> bytes:
    return f"1\n{times}\n{text}\n".encode()


def refusal(data: bytes, file_format: SubtitleFormat = "srt") -> tuple[str | float, str | float]:
    with pytest.raises(Problem) as caught:
        parse(data, file_format)
    assert caught.value.code is ErrorCode.INVALID_SUBTITLE_FILE
    return caught.value.details["line"], caught.value.details["reason"]


@pytest.mark.parametrize("file_format", TO_THE_MILLISECOND)
def test_what_is_written_is_read_back(file_format: SubtitleFormat) -> None:
    cues = (
        Cue(0.0, 1.5, "Fish & chips < <i>caviar</i>\n--> said &amp; done"),
        Cue(1.5, 2.001, "42"),
        Cue(3599.999, 3600.0, "여러분, 안녕하세요"),
        Cue(359_999.5, 360_001.25, "NOTE a hundred hours in"),
    )
    read = parse(serialise(cues, file_format, "ko").encode(), file_format)
    if file_format == "srt":
        cues = (Cue(0.0, 1.5, cues[0].text.replace("-->", "->")), *cues[1:])
    assert read == cues


def test_srt_is_written_as_players_expect() -> None:
    assert serialise([Cue(1, 2.5, "One"), Cue(3661.0014, 3662, "Two\nlines")], "srt", "en") == (
        "1\n00:00:01,000 --> 00:00:02,500\nOne\n\n2\n01:01:01,001 --> 01:01:02,000\nTwo\nlines\n"
    )


def test_vtt_is_written_with_its_language_and_escapes() -> None:
    assert serialise([Cue(1, 2.5, "<b>A</b> < B & C\n\nD")], "vtt", "pt-BR") == (
        "WEBVTT\nKind: captions\nLanguage: pt-BR\n\n"
        "00:00:01.000 --> 00:00:02.500\n<b>A</b> &lt; B &amp; C\nD\n"
    )


@needs_media
@pytest.mark.parametrize(
    ("name", "language", "first", "text"),
    [
        ("ko_cp949_overlap.srt", None, 1.0, "안녕하세요, 여러분."),
        ("gb2312.srt", None, 27.0, "宇宙守护神  保护我们远离邪恶"),
        ("es_utf8_bom_crlf.srt", "es", 0.0, "[Test]"),
        ("ax_typical_utf16be.srt", "en", 0.0, "This is the first subtitle."),
        ("ax_typical_with_byte_order_mark.srt", None, 0.0, "This is the first subtitle."),
        ("ax_typical_no_hours_and_millis.srt", None, 0.0, "This is the first subtitle."),
        ("ax_typical_extra_blank_line.srt", None, 0.0, "This is the first subtitle."),
        ("wv_one_caption.srt", None, 0.5, "Caption text #1"),
    ],
)
def test_wild_srt_files(name: str, language: str | None, first: float, text: str) -> None:
    cues = parse(wild(name), "srt", language)
    assert (cues[0].start, cues[0].text) == (first, text)


@needs_media
def test_latin_1_with_windows_line_ends() -> None:
    texts = [cue.text for cue in parse(wild("es_latin1_crlf.srt"), "srt")]
    assert "Eres una tonta por viajar sola,\nsin ninguna preparación." in texts
    assert len(texts) == 14


@needs_media
@pytest.mark.parametrize(
    ("name", "encoding", "language"),
    [
        ("wwa_es.vtt", "cp1252", None),
        ("wwa_fr.vtt", "latin-1", None),
        ("wwa_de.vtt", "cp1252", "ko"),
        ("wwa_ja.vtt", "cp932", None),
        ("elephantsdream_ja.vtt", "euc_jp", None),
        ("elephantsdream_ru.vtt", "cp1251", None),
        ("elephantsdream_ru.vtt", "koi8_r", "ru"),
        ("elephantsdream_ru.vtt", "utf-16-le", None),
        ("wwa_ja.vtt", "utf-16-be", None),
        ("wwa_ja.vtt", "utf-16", None),
        ("wwa_ja.vtt", "utf-32", None),
    ],
)
def test_the_encoding_is_told_from_the_text(name: str, encoding: str, language: str | None) -> None:
    text = wild(name).decode("utf-8-sig").translate({0x2014: "-", 0x2026: "..."})
    data = text.encode(encoding, "ignore")
    assert parse(data, "vtt", language) == parse(data.decode(encoding).encode(), "vtt")


@pytest.mark.parametrize(
    ("text", "encoding", "language"),
    [
        ("네.", "cp949", "ko"),
        ("こんにちは。", "cp932", None),
        ("我們今天要討論人工智慧的發展，謝謝大家。", "big5", "zh-TW"),
        ("Zażółć gęślą jaźń", "cp1250", "pl"),
        ("Σας ευχαριστώ πολύ", "cp1253", "el"),
        ("Él comió jamón.", "cp1252", "es-MX"),
        ("สวัสดีครับ", "cp874", "th"),
    ],
)
def test_the_language_settles_what_the_bytes_leave_open(text: str, encoding: str, language: str) -> None:
    data = f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n".encode(encoding)
    assert parse(data, "srt", language) == (Cue(1, 2, text),)


def test_a_few_damaged_bytes_do_not_change_the_encoding() -> None:
    data = bytearray(srt("안녕하세요, 여러분. 오늘은 인공지능에 대해 이야기해 보겠습니다."))
    data[data.index("오늘".encode())] ^= 0x40
    (cue,) = parse(bytes(data), "srt")
    assert cue.text.startswith("안녕하세요, 여러분.")
    assert cue.text.endswith("이야기해 보겠습니다.")


@needs_media
@pytest.mark.parametrize(
    ("name", "count", "last"),
    [
        ("wwa_en.vtt", 15, "is not going to be necessarily\nthe same thing that everybody else sees."),
        ("sintel_en.vtt", 14, "We're almost done. Shhh..."),
        ("wv_cue_tags.vtt", 3, "That's amore"),
        ("wv_metadata_headers.vtt", 2, "Caption text #2"),
        ("wv_missing_caption_text.vtt", 4, "Caption text #5"),
        ("wv_using_identifiers.vtt", 6, "Caption text #6"),
        ("wv_invalid.vtt", 7, "Caption text #7"),
        ("tags_entities.vtt", 22, "¬it;"),
    ],
)
def test_wild_vtt_files(name: str, count: int, last: str) -> None:
    cues = parse(wild(name), "vtt")
    assert (len(cues), cues[-1].text) == (count, last)


@needs_media
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("ax_typical.ass", 1),
        ("ax_typical_utf16le.ass", 1),
        ("seconv.ass", 1),
        ("wv_invalid_format2.srt", 1),
        ("ax_typical_missing_timecode.srt", 5),
        ("wv_invalid_timeframe.vtt", 6),
        ("w3c_timings-eof.vtt", 3),
        ("w3c_timings-too-long.vtt", 6),
        ("w3c_signature-bom.vtt", 2),
    ],
)
def test_unreadable_files_are_refused_with_the_line(name: str, line: int) -> None:
    file_format: SubtitleFormat = "vtt" if name.endswith("vtt") else "srt"
    assert refusal(wild(name), file_format)[0] == line


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\n\n\n",
        b"<!DOCTYPE html>\n<html><!-- a page --><body>404</body></html>",
        b'{"segments": [{"start": 0, "end": 1, "text": "Hello"}]}',
        bytes(range(256)) * 8,
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"1\n00:00:01,000 --> 00:00:02,000\n\n",
        b"1\n00:00:01,000 --> 00:00:02,000\n<i> </i>\n",
    ],
)
def test_what_is_no_subtitle_file_is_refused(data: bytes) -> None:
    line, reason = refusal(data)
    assert int(line) >= 1
    assert reason


@pytest.mark.parametrize(
    ("times", "start", "end"),
    [
        ("00:01,5 --> 00:02", 1.5, 2),
        ("0:00:01.250 --> 1:00:02.5", 1.25, 3602.5),
        ("00:00:01:250-->00:00:02:500", 1.25, 2.5),
        ("00 : 00 : 01, 250  -->  00 : 00 : 02 . 500", 1.25, 2.5),
        ("00:00:01,250 --> 00:00:02,500  X1:100 X2:200", 1.25, 2.5),
        ("00:00:01.250 --> 00:00:02.500 align:start line:0", 1.25, 2.5),
        ("-00:00:03,000 --> 00:00:02,500", 0, 2.5),
        ("00:00:05,000 --> 00:00:01,000", 5, 7),
        ("150:00:00,000 --> 150:00:01,000", 540_000, 540_001),
    ],
)
def test_times_as_people_write_them(times: str, start: float, end: float) -> None:
    assert parse(srt("Hello", times), "srt") == (Cue(start, end, "Hello"),)


@pytest.mark.parametrize(
    "times",
    ["00:00:01,000 -->", "--> 00:00:02,000", "00:00:0x,000 --> 00:00:02,000", "99999:00:00 --> 99999:00:01"],
)
def test_unreadable_times_are_refused(times: str) -> None:
    assert refusal(srt("Hello", times))[0] == 2


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<I>soft</I> and <b.loud>hard</b>", "<i>soft</i> and <b>hard</b>"),
        ('<font color="#fff">white</font>', "white"),
        ("{\\an8}On top {not a tag}", "On top {not a tag}"),
        ("One\\NTwo<br/>Three", "One\nTwo\nThree"),
        ("<v Speaker><c.red>Hello</c></v> <00:00:01.500>there", "Hello there"),
        ("<ruby>漢字<rt>かんじ</rt></ruby>です", "漢字です"),
        ("I <3 you, 1 < 2", "I <3 you, 1 < 2"),
        ("nul\x00 and bell\x07", "nul and bell"),
        ("AT&amp;T", "AT&amp;T"),
        ("Choose File --> Open", "Choose File --> Open"),
    ],
)
def test_tags_and_odd_characters(text: str, read: str) -> None:
    assert parse(srt(text), "srt")[0].text == read


def test_vtt_entities_are_characters() -> None:
    data = b"WEBVTT\n\n00:01.000 --> 00:02.000\nAT&amp;T &lt;3&nbsp;x\n"
    assert parse(data, "vtt")[0].text == "AT&T <3\xa0x"


@pytest.mark.parametrize("file_format", ["vtt", "ass"])
def test_speakers_are_written_and_read_back(file_format: SubtitleFormat) -> None:
    cues = (
        Cue(0.0, 1.0, "Who is it?\n<i>Me</i>", speaker="Anna & <Ben>"),
        Cue(1.0, 2.0, "Nobody."),
        Cue(2.0, 3.0, "안녕", speaker="진행자"),
    )
    assert parse(serialise(cues, file_format, "ko").encode(), file_format) == cues


def test_subrip_knows_no_speakers() -> None:
    written = serialise([Cue(0.0, 1.0, "Hello", speaker="Anna")], "srt", "en")
    assert "Anna" not in written
    assert parse(written.encode(), "srt") == (Cue(0.0, 1.0, "Hello"),)


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        ("<v Anna>Hello", "Anna"),
        ("<v.loud.first  Anna  Lee >Hello</v>", "Anna Lee"),
        ("<v Fish &amp; Chips>Hello", "Fish & Chips"),
        ("<v Anna>Hello</v> <v Anna>again", "Anna"),
        ("<v Anna>Hello</v>\n<v Ben>Hi", None),
        ("<v>Hello", None),
        ("Hello", None),
    ],
)
def test_vtt_voices(text: str, speaker: str | None) -> None:
    [cue] = parse(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{text}\n".encode(), "vtt")
    assert cue.speaker == speaker
    assert cue.text.startswith("Hello")


ASS = """\ufeff[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial
[Events]
Format: Layer, Start, End, Style, Actor, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,,not said
Dialogue: 0,0:00:01.00,0:00:02.50,Default,Anna,{\\an8\\i1}Well, then{\\i0}\\Nyes\\hand no
Dialogue: 1,0:00:01.00,0:00:02.50,Default,Anna,{\\an8\\i1}Well, then{\\i0}\\Nyes\\hand no
Dialogue: 0,0:00:03.00,0:00:04.00,Default,,{\\p1}m 0 0 l 9 9{\\p0}
Dialogue: 0,1:00:05.00,1:00:06.00,Sign,,{\\b700}Shut \\{here\\}
"""


def test_what_is_said_in_an_ass_file() -> None:
    assert parse(ASS.encode(), "ass") == (
        Cue(1.0, 2.5, "<i>Well, then</i>\nyes and no", speaker="Anna"),
        Cue(3605.0, 3606.0, "<b>Shut {here}</b>"),
    )


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("Dialogue: 0,0:00:01.00,soon,Default,,0,0,0,,Hello", 1),
        ("[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,Default", 2),
        ("[Script Info]\nTitle: nothing said", 2),
    ],
)
def test_unreadable_ass_files_are_refused_with_the_line(data: str, line: int) -> None:
    assert refusal(data.encode(), "ass")[0] == line


def test_vtt_headers_comments_and_styles_are_not_text() -> None:
    data = (
        "\ufeffWEBVTT - title\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n"
        "STYLE\n::cue { color: red }\n\nREGION\nid:one\n\nNOTE\n00:00:00.000 --> 00:00:09.000\nnot a cue\n\n"
        "intro\n00:00:01.000 --> 00:00:02.000 line:0\nHello\n\nNOTE between\n\n"
        "00:00:03.000 --> 00:00:04.000\nWorld"
    ).encode()
    assert parse(data, "vtt") == (Cue(1, 2, "Hello"), Cue(3, 4, "World"))


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n", "\n\n"])
def test_line_ends(line_end: str) -> None:
    lines = "1\n00:00:01,000 --> 00:00:02,000\nOne\nTwo\n\n2\n00:00:03,000 --> 00:00:04,000\nThree\n"
    assert parse(lines.replace("\n", line_end).encode(), "srt") == (Cue(1, 2, "One\nTwo"), Cue(3, 4, "Three"))


def test_cues_without_numbers_or_blank_lines_between() -> None:
    data = (
        b"00:00:01,000 --> 00:00:02,000\nOne\n00:00:03,000 --> 00:00:04,000\nTwo\n7\n"
        b"00:00:05,000 --> 00:00:06,000\nThree\n8\n"
    )
    assert [cue.text for cue in parse(data, "srt")] == ["One", "Two", "Three\n8"]


def test_text_goes_on_after_a_blank_line() -> None:
    data = (
        b"1\n00:00:01,000 --> 00:00:02,000\nIn\n\n1984\nit began\n\n"
        b"2\n\n00:00:03,000 --> 00:00:04,000\nTwo\n\n3\n"
    )
    assert [cue.text for cue in parse(data, "srt")] == ["In\n1984\nit began", "Two"]


def test_a_number_without_times_is_refused_rather_than_spoken() -> None:
    assert refusal(b"1\n00:00:01,000 --> 00:00:02,000\nOne\n\n2\nTwo\n")[0] == 5


def test_only_one_cue_at_a_time() -> None:
    assert one_at_a_time([Cue(5, 6, "c"), Cue(0, 3, "a"), Cue(2.5, 5.2, "b"), Cue(5, 6, "d")]) == (
        Cue(0, 2.5, "a"),
        Cue(2.5, 5, "b"),
        Cue(5, 6, "c\nd"),
    )
    assert one_at_a_time([Cue(0, 10, "long"), Cue(4, 5, "within")]) == (
        Cue(0, 4, "long"),
        Cue(4, 5, "within"),
    )
    assert one_at_a_time([Cue(6, 5, "backwards"), Cue(7, 8, "next")]) == (
        Cue(6, 7, "backwards"),
        Cue(7, 8, "next"),
    )


def damaged(data: bytes, chance: random.Random) -> Iterator[bytes]:
    for _ in range(6):
        yield data[: chance.randrange(len(data) + 1)]
        flipped = bytearray(data)
        for _ in range(chance.randrange(1, 8)):
            if flipped:
                flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        yield bytes(flipped)
        cut = chance.randrange(len(data) + 1)
        yield data[:cut] + chance.randbytes(chance.randrange(40)) + data[cut:]


def assert_read_or_refused(data: bytes) -> None:
    for file_format in FORMATS:
        try:
            cues = parse(data, file_format)
        except Problem as problem:
            assert problem.code is ErrorCode.INVALID_SUBTITLE_FILE
            assert int(problem.details["line"]) >= 1
            continue
        assert all(earlier.end <= later.start for earlier, later in pairwise(cues))
        assert all(0 <= cue.start < cue.end and cue.text.strip() for cue in cues)
        for written_as in TO_THE_MILLISECOND:
            again = parse(serialise(cues, written_as, "en").encode(), written_as)
            assert [(cue.start, cue.end) for cue in again] == [(cue.start, cue.end) for cue in cues]


@needs_media
@pytest.mark.parametrize("path", sorted(SUBTITLES.glob("*")), ids=lambda path: path.name)
def test_damaged_files_are_read_or_refused(path: Path) -> None:
    data = path.read_bytes()
    assert_read_or_refused(data)
    for variant in damaged(data, random.Random(path.name)):
        assert_read_or_refused(variant)


def test_random_bytes_are_read_or_refused() -> None:
    chance = random.Random(20)
    for _ in range(60):
        assert_read_or_refused(chance.randbytes(chance.randrange(400)))
        alphabet = "019:,.-> \n\r<>{}\\&;/ibNOTE\x00가é"
        text = "".join(chance.choices(alphabet, k=chance.randrange(400)))
        assert_read_or_refused(f"1\n00:00:01,000 --> 00:00:02,000\n{text}".encode())


@pytest.mark.parametrize(
    "filler", [" ", "1", "-->", "<", "\r", "<rt>", "{\\", "1\n\n", "00:", "&", "é", "<b ", "\n1", "\\N"]
)
def test_hostile_files_take_no_longer_than_others(filler: str) -> None:
    repeated = filler * (200_000 // len(filler))
    for data in (repeated, f"{repeated}-->", f"1\n00:00:01,000 --> 00:00:02,000\n{repeated}"):
        for file_format in FORMATS:
            try:
                parse(data.encode(), file_format)
            except Problem as problem:
                assert problem.code is ErrorCode.INVALID_SUBTITLE_FILE
