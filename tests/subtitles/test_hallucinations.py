"""Text where nobody spoke is left out, and what was said is not."""

from collections.abc import Sequence

import numpy as np
import pytest

from app.media.silence import FRAME_SECONDS, Levels
from app.subtitles.engines.base import TranscriptSegment, Word
from app.subtitles.hallucinations import LeftOut, Reason, leave_out_hallucinations

SECONDS = 60.0
QUIET_BELOW = -50.0


def levels(speech: Sequence[tuple[float, float]] = (), noise: Sequence[tuple[float, float]] = ()) -> Levels:
    """A quiet room in which somebody speaks, and something hums, at the given times."""
    chance = np.random.default_rng(1)
    frames = chance.normal(-64, 2, round(SECONDS / FRAME_SECONDS))
    for start, end in speech:
        place = slice(round(start / FRAME_SECONDS), round(end / FRAME_SECONDS))
        frames[place] = chance.uniform(-45, -20, len(frames[place]))
    for start, end in noise:
        place = slice(round(start / FRAME_SECONDS), round(end / FRAME_SECONDS))
        frames[place] = chance.normal(-30, 0.8, len(frames[place]))
    return Levels(frames.astype(np.float32), QUIET_BELOW)


def said(
    text: str,
    start: float = 10.0,
    end: float = 13.0,
    *,
    sure: float | None = -0.2,
    no_speech: float | None = 0.01,
    compression: float | None = None,
) -> TranscriptSegment:
    return TranscriptSegment(start, end, text, sure, no_speech, compression)


def reasons(sound: Levels, *heard: TranscriptSegment) -> list[Reason]:
    return [one.reason for one in leave_out_hallucinations(heard, sound, SECONDS).left_out]


TALK = levels(speech=[(10, 13)])
HUM = levels(noise=[(10, 13)])


@pytest.mark.parametrize(
    "heard",
    [
        said("Good morning, my name is Jordi."),
        said("Thank you for watching."),  # at the end of many a real video
        said("No, no, no, no, no!"),
        said("La, la, la, la, la, la, la, la, la, la, la, la!", compression=3.0),
        said("하하하하하하하하하하하하"),
        said("It was the best of times, it was the worst of times, it was the age of wisdom."),
        said("Uncertain, but spoken.", sure=-1.4, no_speech=0.3),
        said("A noise behind a voice.", sure=-0.3, no_speech=0.8),
        said("Thirteen words a quick talker can say in the space of three seconds."),
        said("You can switch on the subtitles by pressing a key."),
        said("Amara organised a trip to Samara, organic farms and all."),
        said("An engine that tells nothing.", sure=None, no_speech=None),
        said("감사합니다."),
        said("♪♪"),
        said("Yes.", 9.8, 9.9),  # timed a little early
    ],
)
def test_speech_is_kept(heard: TranscriptSegment) -> None:
    judged = leave_out_hallucinations([heard], TALK, SECONDS)
    assert (judged.kept, judged.left_out) == ((heard,), ())


@pytest.mark.parametrize(
    ("sound", "heard", "reason"),
    [
        (TALK, said("I am going to the shop.", 30, 33), Reason.SILENCE),
        (TALK, said("I am going to the shop.", 30, 33, sure=None, no_speech=None), Reason.SILENCE),
        (HUM, said("Hello, who is there?", sure=-0.9, no_speech=0.4), Reason.NO_SPEECH),
        (HUM, said("Hello, who is there?", sure=None, no_speech=None), Reason.NO_SPEECH),
        (TALK, said("Something.", sure=-1.2, no_speech=0.7), Reason.NO_SPEECH),
        (TALK, said(" . . . "), Reason.NO_SPEECH),
        (HUM, said("Thank you."), Reason.PHANTOM_PHRASE),
        (TALK, said("Thanks for watching!", no_speech=0.6), Reason.PHANTOM_PHRASE),
        (TALK, said("Thanks for watching!", 12.8, 16), Reason.PHANTOM_PHRASE),
        (TALK, said("시청해 주셔서 감사합니다.", 12.8, 16), Reason.PHANTOM_PHRASE),
        (TALK, said("ご視聴ありがとうございました。", 12.8, 16), Reason.PHANTOM_PHRASE),
        (TALK, said("Untertitel der Amara.org-Community"), Reason.PHANTOM_PHRASE),
        (TALK, said("字幕由Amara.org社区提供"), Reason.PHANTOM_PHRASE),
        (TALK, said("Субтитры сделала DimaTorzok"), Reason.PHANTOM_PHRASE),
        (TALK, said("and the end of the " * 12), Reason.REPETITION),
        (TALK, said("ありがとう" * 20), Reason.REPETITION),
        (TALK, said("the the the the the the the the", compression=3.1), Reason.REPETITION),
        (TALK, said("This is much too much to say before the end.", 59.8, 59.9), Reason.RATE),
        (TALK, said("이것은 너무 짧은 시간에 말할 수 없는 아주 긴 문장입니다.", 59.7, 59.9), Reason.RATE),
    ],
)
def test_what_nobody_said_is_left_out(sound: Levels, heard: TranscriptSegment, reason: Reason) -> None:
    judged = leave_out_hallucinations([heard], sound, SECONDS)
    assert judged.kept == ()
    assert judged.left_out == (LeftOut(heard.start, heard.end, heard.text.strip(), reason),)


def test_speech_whose_times_are_squeezed_is_kept_where_there_is_room() -> None:
    squeezed = said("A real sentence with its times gone wrong.", 10.0, 10.1)
    assert reasons(TALK, squeezed, said("And on we go.", 12.0, 13.0)) == []


def test_only_the_sentence_at_fault_goes() -> None:
    tokens = ["I", "love", "this", "city.", "Thank", "you", "for", "watching."]
    starts = [10, 10.5, 11, 11.5, 30, 30.5, 31, 31.5]
    words = tuple(Word(at, at + 0.4, token) for at, token in zip(starts, tokens, strict=True))
    heard = TranscriptSegment(10, 32, " ".join(tokens), -0.2, words=words)
    judged = leave_out_hallucinations([heard], TALK, SECONDS)
    assert [(one.start, one.end, one.text) for one in judged.kept] == [(10, 11.9, "I love this city.")]
    assert judged.left_out == (LeftOut(30, 31.9, "Thank you for watching.", Reason.SILENCE),)


def test_segment_after_segment_of_the_same_is_a_loop_from_the_second_on() -> None:
    sound = levels(speech=[(10, 20)])
    again = [said("We will see.", 10.0 + at, 11.0 + at) for at in range(6)]
    judged = leave_out_hallucinations([*again, said("Done.", 17, 18)], sound, SECONDS)
    assert [one.text for one in judged.kept] == ["We will see.", "Done."]
    assert [one.reason for one in judged.left_out] == [Reason.REPETITION] * 5


def test_saying_it_three_times_is_no_loop() -> None:
    sound = levels(speech=[(10, 20)])
    assert reasons(sound, *(said("We will see.", 10.0 + at, 11.0 + at) for at in range(3))) == []


def test_a_quiet_voice_is_not_silence() -> None:
    frames = np.full(3000, -64.0, np.float32)
    frames[500:650] = np.random.default_rng(2).uniform(-70, -51, 150)
    assert reasons(Levels(frames, QUIET_BELOW), said("I whisper.")) == []


def test_blank_text_is_neither_kept_nor_told() -> None:
    judged = leave_out_hallucinations([said("  ")], TALK, SECONDS)
    assert (judged.kept, judged.left_out) == ((), ())
