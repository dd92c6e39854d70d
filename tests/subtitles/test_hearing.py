"""What several clips say becomes one transcript on the video's clock."""

import numpy as np
import pytest

from app.media.silence import Clip, Levels
from app.subtitles.engines.base import Transcript, TranscriptSegment, Word
from app.subtitles.hallucinations import Reason
from app.subtitles.hearing import understand

TALK = Levels(np.random.default_rng(1).uniform(-40, -15, 3000).astype(np.float32), -55.0)
CLIPS = (Clip(0.0, 30.0), Clip(30.0, 60.0))


def said(text: str, start: float, end: float, speaker: str | None = None) -> TranscriptSegment:
    words = (Word(start, end, text),)
    return TranscriptSegment(start, end, text, -0.1, words=words, speaker=speaker)


def test_times_are_the_video_s() -> None:
    transcripts = [Transcript("en", (said("One", 1, 2),)), Transcript("en", (said("Two", 1, 2),))]
    heard = understand(CLIPS, transcripts, TALK, 60.0)
    assert [(one.start, one.end, one.words[0].start) for one in heard.segments] == [(1, 2, 1), (31, 32, 31)]


def test_a_label_means_the_same_speaker_within_one_clip_only() -> None:
    transcripts = [Transcript("en", (said("One", 1, 2, "A"),)), Transcript("en", (said("Two", 1, 2, "A"),))]
    assert [one.speaker for one in understand(CLIPS, transcripts, TALK, 60.0).segments] == ["1A", "2A"]
    (only,) = understand(CLIPS[:1], transcripts[:1], TALK, 30.0).segments
    assert only.speaker == "A"


@pytest.mark.parametrize(("seconds", "language"), [(10.0, "ko"), (20.0, "fr")])
def test_the_language_is_the_one_spoken_longest(seconds: float, language: str) -> None:
    transcripts = [Transcript("ko", (said("One", 1, 14),)), Transcript("fr", (said("Two", 1, 1 + seconds),))]
    assert understand(CLIPS, transcripts, TALK, 60.0).language == language


def test_what_nobody_said_has_no_say_in_the_language() -> None:
    silence = Levels(np.full(3000, -90.0, np.float32), -60.0)
    heard = understand(CLIPS[:1], [Transcript("ko", (said("One", 1, 4),))], silence, 30.0)
    assert (heard.language, heard.segments) == (None, ())
    assert [one.reason for one in heard.left_out] == [Reason.SILENCE]
