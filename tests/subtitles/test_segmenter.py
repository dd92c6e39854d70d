"""Transcripts cut into lines: at sentences and pauses, never inside a word, always in sequence."""

import math
import random
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from app.subtitles.engines.base import TranscriptSegment, Word
from app.subtitles.segmenter import build_segments
from app.subtitles.segments import Segment


def spoken(
    text: str, *, start: float = 0.0, word_seconds: float = 0.4, gap: float = 0.1
) -> TranscriptSegment:
    """A segment whose words take `word_seconds` each; `|` stands for a pause of a second."""
    words: list[Word] = []
    at = start
    for token in text.split():
        if token == "|":
            at += 1.0
            continue
        words.append(Word(at, at + word_seconds, token))
        at += word_seconds + gap
    return TranscriptSegment(start, words[-1].end, text.replace("| ", ""), -0.1, words=tuple(words))


def build(
    *segments: TranscriptSegment, max_length: float = 30.0, min_silence: float = 0.5, duration: float = 100.0
) -> tuple[Segment, ...]:
    return build_segments(segments, max_length=max_length, min_silence=min_silence, duration=duration)


def texts(*segments: TranscriptSegment, max_length: float = 30.0, duration: float = 100.0) -> list[str]:
    return [one.text for one in build(*segments, max_length=max_length, duration=duration)]


def test_lines_end_with_sentences() -> None:
    heard = spoken("This is the first sentence. Here comes the second one! And is this the third?")
    assert texts(heard) == [
        "This is the first sentence.",
        "Here comes the second one!",
        "And is this the third?",
    ]


def test_lines_end_at_pauses() -> None:
    assert texts(spoken("we wait | for a while")) == ["we wait", "for a while"]


def test_abbreviations_and_very_short_sentences_do_not_end_a_line() -> None:
    assert texts(spoken("Yes. I asked Mr. Smith about U.S. trade and so on... you know.")) == [
        "Yes. I asked Mr. Smith about U.S. trade and so on... you know."
    ]


def test_a_sentence_over_two_engine_segments_is_one_line() -> None:
    heard = (spoken("And so, my fellow", start=0.0), spoken("Americans, ask not.", start=2.1))
    (line,) = build(*heard)
    assert line.text == "And so, my fellow Americans, ask not."
    assert (line.start, line.end, len(line.words)) == (0.0, 3.65, 7)


def test_long_sentences_are_divided_after_clauses() -> None:
    heard = spoken("one two three four five, six seven eight nine ten eleven")
    assert texts(heard, max_length=4.0) == ["one two three four five,", "six seven eight nine ten eleven"]


def test_long_sentences_without_clauses_are_divided_at_their_longest_pause() -> None:
    early = spoken("one two three four")
    late = spoken("five six seven eight", start=early.end + 0.45)
    assert texts(early, late, max_length=3.0) == ["one two three four", "five six seven eight"]


def test_a_word_is_never_cut_even_if_it_is_too_long() -> None:
    heard = spoken("aaaah nooooo", word_seconds=5.0)
    assert texts(heard, max_length=2.0) == ["aaaah", "nooooo"]


def test_punctuation_comes_from_the_text_and_not_from_the_words() -> None:
    heard = TranscriptSegment(
        0,
        3.2,
        ' "Hola, amigo." ¿Qué tal (todo) bien?',
        words=tuple(
            Word(at * 0.6, at * 0.6 + 0.5, text)
            for at, text in enumerate(["Hola", "amigo", "qué", "tal", "todo", "bien"])
        ),
    )
    assert texts(heard) == ['"Hola, amigo."', "¿Qué tal (todo) bien?"]


def test_words_that_are_not_in_the_text_do_not_lose_their_time() -> None:
    heard = TranscriptSegment(
        0, 2.0, "It costs $5 now", words=tuple(Word(at * 0.5, at * 0.5 + 0.4, w) for at, w in enumerate(
            ["it", "costs", "five", "dollars", "now"])),
    )  # fmt: skip
    (line,) = build(heard)
    assert (line.text, line.start, line.end) == ("It costs $5 now", 0.0, 2.55)
    assert [word.text for word in line.words] == ["it", "costs", "five", "dollars", "now"]


def test_text_without_blanks_stays_without() -> None:
    parts = ["こんにち", "は", "世界", "今日", "は", "いい", "天気", "です"]
    heard = TranscriptSegment(
        0,
        4.0,
        "こんにちは、世界。今日はいい天気です。",
        words=tuple(Word(at * 0.5, at * 0.5 + 0.5, part) for at, part in enumerate(parts)),
    )
    assert texts(heard) == ["こんにちは、世界。", "今日はいい天気です。"]
    assert texts(heard, spoken("続く", start=4.0)) == ["こんにちは、世界。", "今日はいい天気です。", "続く"]


def timed(text: str, *tokens: str) -> TranscriptSegment:
    """A text whose words, as the engine cut them, take a second each with no pause between."""
    words = tuple(Word(float(at), at + 1.0, token) for at, token in enumerate(tokens))
    return TranscriptSegment(0.0, float(len(tokens)), text, words=words)


@pytest.mark.parametrize(
    "number",
    ["3.5", "1,000", "10 000", "1 234 567", "3 . 5", "5 %", "12:30", "12. 5. 2024", "$ 20", "No. 5", "3-4"],
)
def test_a_number_is_never_cut(number: str) -> None:
    tokens = [part for part in re.split(r"(\d+)", number) if part.strip(" .,:-")]
    heard = timed(f"it is {number} now", "it", "is", *[token.strip() for token in tokens], "now")
    lines = texts(heard, max_length=1.1)
    assert len(lines) > 2
    assert any(number in line for line in lines)
    assert " ".join(lines) == f"it is {number} now"


def test_a_number_of_the_text_alone_is_never_cut() -> None:
    heard = TranscriptSegment(0, 20, "About 10 000 of 12 000 people, or 83 % of them, came here.")
    lines = texts(heard, max_length=3)
    assert len(lines) > 4
    for number in ("10 000", "12 000", "83 %"):
        assert any(number in line for line in lines)


def test_numbers_with_a_pause_between_are_two() -> None:
    heard = spoken("press 1 | | 200 people wait", gap=0.0)
    assert texts(heard) == ["press 1", "200 people wait"]


def test_a_word_that_the_engine_cut_is_whole() -> None:
    heard = timed("a well-known word isn't cut", "a", "well", "known", "word", "isn", "'t", "cut")
    assert texts(heard, max_length=1.1) == ["a", "well-known", "word", "isn't", "cut"]


def test_decimals_do_not_end_a_sentence() -> None:
    assert texts(timed("it was 3.5 Percent more.", "it", "was", "3", "5", "Percent", "more")) == [
        "it was 3.5 Percent more."
    ]


def test_another_speaker_begins_another_line() -> None:
    first = replace(spoken("and then we", start=0.0), speaker="A")
    second = replace(spoken("no we did not", start=1.5), speaker="B")
    assert [(line.speaker, line.text) for line in build(first, second)] == [
        ("A", "and then we"),
        ("B", "no we did not"),
    ]


def test_two_who_start_together_are_two_lines() -> None:
    both = (TranscriptSegment(1, 3, "Yes.", speaker="A"), TranscriptSegment(1, 2, "No.", speaker="B"))
    assert [(line.start, line.end, line.speaker) for line in build(*both)] == [
        (1.0, 2.0, "A"),
        (2.0, 3.15, "B"),
    ]


@pytest.mark.parametrize(("min_silence", "lines"), [(0.0, 3), (0.5, 2), (1.5, 1)])
def test_min_silence_is_the_pause_that_ends_a_line(min_silence: float, lines: int) -> None:
    heard = (spoken("we wait", gap=0.0), spoken("for", start=1.0), spoken("you", start=2.2))
    assert len(build(*heard, min_silence=min_silence)) == lines


def test_no_line_is_shown_for_longer_than_max_length() -> None:
    heard = spoken("one two three four five six", gap=0.0)
    assert all(line.end - line.start <= 1.3 + 1e-9 for line in build(heard, max_length=1.3))


def test_segments_without_word_times_stay() -> None:
    heard = (TranscriptSegment(0, 2, " One. Two. ", -0.2), TranscriptSegment(2, 4, "Three"))
    assert build(*heard, max_length=5) == (
        Segment(0, 0.0, 2.0, "One. Two.", math.exp(-0.2)),
        Segment(1, 2.0, 4.15, "Three"),
    )


def test_long_segments_without_word_times_are_divided_in_proportion() -> None:
    heard = TranscriptSegment(10, 20, "The first half here, and second half next.", -0.2)
    first, second = build(heard, max_length=6)
    assert (first.text, second.text) == ("The first half here,", "and second half next.")
    assert first.start == 10
    assert first.end == second.start == pytest.approx(15, abs=0.01)
    assert first.confidence == second.confidence == math.exp(-0.2)


def test_long_text_without_blanks_is_divided_after_its_marks() -> None:
    heard = TranscriptSegment(0, 10, "我们今天讨论人工智能的发展，谢谢大家来到这里参加活动。")
    assert texts(heard, max_length=6) == ["我们今天讨论人工智能的发展，", "谢谢大家来到这里参加活动。"]


def test_korean_words_are_whole_and_have_blanks_between() -> None:
    untimed = TranscriptSegment(0.0, 12.0, "우리는 도서관에서 재미있는 이야기책을 오랫동안 읽었습니다")
    lines = texts(untimed, max_length=4.0)
    assert len(lines) > 2
    assert " ".join(lines) == untimed.text
    assert texts(spoken("우리는 도서관에서"), spoken("책을 읽었습니다.", start=1.0)) == [
        "우리는 도서관에서 책을 읽었습니다."
    ]


def test_the_end_is_padded_but_not_into_the_next_word() -> None:
    heard = (spoken("One two three."), spoken("Four five six.", start=1.5), spoken("Seven", start=9.0))
    first, second, third = build(*heard)
    assert (first.end, second.end, third.end) == (1.5, 3.05, 9.55)


def test_lines_keep_to_the_video() -> None:
    (line,) = build(TranscriptSegment(-1, 20, "long"), TranscriptSegment(12, 13, "after"), duration=9.9674)
    assert (line.start, line.end) == (0.0, 9.967)


def test_empty_text_is_dropped() -> None:
    assert build(TranscriptSegment(0, 1, "  "), TranscriptSegment(1, 2, "")) == ()


def test_any_transcript_gives_lines_in_sequence() -> None:
    chance = random.Random(7)
    for _ in range(200):
        heard = []
        for _ in range(chance.randrange(8)):
            start = chance.uniform(-1, 40)
            text = " ".join(
                chance.choices(["a", "word", "mot,", "end.", "日本。", "İx", ""], k=chance.randrange(1, 12))
            )
            words = tuple(
                Word(at := start + chance.uniform(-0.5, 8), at + chance.uniform(-0.1, 1), token.strip(",."))
                for token in text.split()
            )
            heard.append(
                TranscriptSegment(
                    start,
                    start + chance.uniform(-1, 9),
                    text,
                    chance.choice([None, -0.3]),
                    words=words if chance.random() < 0.6 else (),
                )
            )
        lines = build(*heard, max_length=3, duration=30)
        assert [line.id for line in lines] == list(range(len(lines)))
        assert all(earlier.end <= later.start for earlier, later in pairwise(lines))
        assert all(0 <= line.start < line.end <= 30 and line.text.strip() for line in lines)
