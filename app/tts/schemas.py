"""The shapes of voices and speech in the API."""

from typing import Annotated, Literal

from pydantic import Field

from app.core.languages import LanguageCode
from app.core.schemas import (
    Duration,
    End,
    LanguageTag,
    RequestModel,
    Response,
    SegmentId,
    Start,
    Timestamp,
    Url,
    VideoId,
)
from app.media.audio import AudioFormat
from app.tts.engines.base import Gender

VoiceName = Annotated[str, Field(description="The voice that speaks.", examples=["alloy"])]
SampleRate = Literal[8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]
VoiceId = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9._:/+-]+$")]


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
        default=None,
        description="One of `GET /api/tts/voices`; defaults to the engine's best for the language.",
        examples=["alloy"],
    )
    options: SpeechOptions = SpeechOptions()
    audio_format: AudioFormat = Field(default="mp3", description="Of the files.")


class RegenerateSpeech(RequestModel):
    """Segments to speak again; what is not given stays as it was. Of the options, `sample_rate` and
    `silence_padding` are the whole track's and stay."""

    segment_ids: list[int] = Field(
        min_length=1, max_length=20_000, description="All others are left as they are.", examples=[[0, 2]]
    )
    voice_id: VoiceId | None = Field(
        default=None, description="Another voice for these segments.", examples=["nova"]
    )
    options: SpeechOptions | None = Field(default=None, description="Other options for these segments.")


class VoiceInfo(Response):
    """A voice that can be asked for."""

    voice_id: str = Field(description="For `voice_id` in requests.", examples=["alloy"])
    name: str = Field(description="For people.", examples=["Alloy"])
    language: str = Field(
        description="The language asked for, its own, or `mul` for a multilingual voice.", examples=["ko"]
    )
    gender: Gender = Field(description="`neutral` where the engine does not say.")
    preview_url: Url = Field(description="A sentence spoken by it, MP3.")


class VoiceList(Response):
    """The voices of the configured engine, the best first."""

    voices: list[VoiceInfo] = Field(description="The best for the language first.")


class SpokenSegment(Response):
    """A spoken line; times in seconds."""

    id: SegmentId
    start: Start = Field(description="Of its subtitle, seconds.")
    end: End = Field(description="Of its subtitle, seconds.")
    url: Url = Field(description="Its file, as it is placed in the dub.")
    duration: Duration = Field(description="Of the speech as it is placed, seconds.", examples=[4.2])
    text: str = Field(description="What is said.", examples=["Hello everyone."])
    voice_id: VoiceName
    placed_start: float = Field(
        description="Where the speech begins on the video's clock, seconds.", examples=[0.0]
    )
    speed: float = Field(description="1 is as the voice spoke it.", examples=[1.0])
    borrowed: float = Field(
        description="How far it runs into the silence after its subtitle, seconds.", examples=[0.0]
    )
    moved: float = Field(
        description="How much later than its subtitle it starts, seconds; negative: earlier.", examples=[0.0]
    )
    overflow: float = Field(description="How far beyond what was its own, seconds.", examples=[0.0])


class FullAudio(Response):
    """The whole voice track, on the video's clock."""

    url: Url
    duration: Duration = Field(description="Seconds; that of the video.")
    created_at: Timestamp


class SpeechTrack(Response):
    """The generated speech of a video in a language."""

    video_id: VideoId
    language: LanguageTag
    voice_id: VoiceName
    model_used: str = Field(description="The speech model that ran.", examples=["gpt-4o-mini-tts"])
    audio_format: AudioFormat = Field(description="Of the files.")
    segments: list[SpokenSegment] = Field(description="In order of time.")
    full_audio: FullAudio
