"""The shapes of voices and speech in the API."""

from typing import Annotated, Literal

from pydantic import Field

from app.core.languages import LanguageCode
from app.core.schemas import Linked, RequestModel, Response, Timestamp
from app.tts.engines.base import Gender

SampleRate = Literal[8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]
VoiceId = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9._:/-]+$")]


class SpeechOptions(RequestModel):
    """How the voice sounds."""

    speaking_rate: float = Field(default=1.0, ge=0.5, le=2.0, description="1 is the voice's own pace.")
    pitch: float = Field(default=0.0, ge=-10, le=10, description="Semitones up or down.")
    volume_gain_db: float = Field(default=0.0, ge=-10, le=10, description="Louder or softer, dB.")
    sample_rate: SampleRate = Field(default=24000, description="Of the files, Hz.")
    silence_padding: float = Field(
        default=0.05, ge=0, le=5, description="Least silence between two segments, seconds."
    )


class GenerateSpeech(RequestModel):
    """Whose voice, in which language."""

    language: LanguageCode
    voice_id: VoiceId | None = Field(
        default=None, description="Defaults to the engine's best for the language."
    )
    options: SpeechOptions = SpeechOptions()
    audio_format: Literal["mp3", "wav"] = "mp3"


class RegenerateSpeech(RequestModel):
    """Segments to speak again; what is not given stays as it was."""

    segment_ids: list[int] = Field(min_length=1, max_length=20_000)
    voice_id: VoiceId | None = None
    options: SpeechOptions | None = None


class VoiceInfo(Linked):
    """A voice that can be asked for."""

    voice_id: str = Field(examples=["kokoro-jm_kumo"])
    name: str
    language: str = Field(description="The language asked for, its own, or `mul` for a multilingual voice.")
    gender: Gender
    preview_url: str = Field(description="A sentence spoken by it, MP3.")


class VoiceList(Response):
    """The voices of the configured engine, the best first."""

    voices: list[VoiceInfo]


class SpokenSegment(Linked):
    """A spoken line; times in seconds."""

    id: int
    start: float = Field(description="Of its subtitle.")
    end: float = Field(description="Of its subtitle.")
    url: str
    duration: float = Field(description="Of the speech, as it is placed.")
    text: str
    voice_id: str
    placed_start: float = Field(description="Where the speech begins on the video's clock.")
    speed: float = Field(description="1 is as the voice spoke it.")
    borrowed: float = Field(description="How far it runs into the silence after its subtitle.")
    overflow: float = Field(description="How far beyond what was its own.")


class FullAudio(Linked):
    """The whole voice track, on the video's clock."""

    url: str
    duration: float
    created_at: Timestamp


class SpeechTrack(Response):
    """The generated speech of a video in a language."""

    video_id: str
    language: str
    voice_id: str
    model_used: str
    audio_format: Literal["mp3", "wav"]
    segments: list[SpokenSegment]
    full_audio: FullAudio
