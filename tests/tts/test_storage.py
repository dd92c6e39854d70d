"""What is shown of the speech."""

from app.subtitles.cues import Cue
from app.tts.models import Speech, SpeechSegment
from app.tts.storage import Delivery, SpokenTrack, delivery_to_json, spoken_cues


def line(
    start: float,
    end: float,
    text: str,
    placed: float,
    duration: float,
    clip: str | None,
    speaker: str | None = None,
) -> SpeechSegment:
    delivery = Delivery("nova", speaking_rate=1.0, pitch=0.0, volume_gain_db=0.0, speaker=speaker)
    return SpeechSegment(
        start_time=start,
        end_time=end,
        text=text,
        placed_start=placed,
        duration=duration,
        clip=clip,
        delivery=delivery_to_json(delivery),
    )


def test_words_are_shown_while_they_are_spoken_and_unspoken_ones_in_their_own_time() -> None:
    segments = (
        line(0, 2, "Moved.", 0.2, 1.5, "memo/a", "Anna"),
        line(2, 4, "Failed.", 2, 0, None),
        line(4, 5, "Longer than its time.", 4.1, 2.1, "memo/b"),
        line(5, 8, "Next.", 6, 1, "memo/c"),
    )
    assert spoken_cues(SpokenTrack(Speech(), segments)) == (
        Cue(0.2, 1.7, "Moved.", speaker="Anna"),
        Cue(2, 4, "Failed."),
        Cue(4.1, 6, "Longer than its time."),
        Cue(6, 7, "Next."),
    )
