"""What a job of the speech feature is told."""

from app.tts.schemas import GenerateSpeech, RegenerateSpeech


class SpeechTask(GenerateSpeech):
    """What a job is told: how the whole track is spoken, which of its segments to speak again, and the task
    of a translation that it `follows`, to speak what is translated while the rest is."""

    again: RegenerateSpeech | None = None
    follows: str | None = None
