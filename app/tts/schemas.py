"""The shapes of voices and speech in the API."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

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
from app.jobs.schemas import TaskError, TaskTerms
from app.media.audio import AudioFormat
from app.tts.engines.base import Gender
from app.videos.schemas import MadeFrom, Revision, Stale

VoiceName = Annotated[str, Field(description="The voice that speaks.", examples=["alloy"])]
SampleRate = Literal[8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]
VoiceId = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9._:/+-]+$")]
Speaker = Annotated[str, Field(min_length=1, max_length=100)]
ChosenVoice = Annotated[
    VoiceId | None,
    Field(
        description="One of `GET /api/tts/voices`; defaults to the engine's best for the language.",
        examples=["alloy"],
    ),
]
SpeakersVoices = Annotated[
    dict[Speaker, VoiceId],
    Field(
        max_length=100,
        description="Who speaks for the `speaker` of a segment; `voice_id` speaks for all others.",
        examples=[{"Anna": "nova"}],
    ),
]


class SpeechOptions(RequestModel):
    """How the voice sounds."""

    speaking_rate: float = Field(default=1.0, ge=0.5, le=2.0, description="1 is the voice's own pace.")
    pitch: float = Field(default=0.0, ge=-10, le=10, description="Semitones up or down.")
    volume_gain_db: float = Field(default=0.0, ge=-10, le=10, description="Louder or softer, dB.")
    sample_rate: SampleRate = Field(default=24000, description="Of the files, Hz.")
    silence_padding: float = Field(
        default=0.05, ge=0, le=5, description="Least silence between two segments, seconds."
    )
    soft_speed: float | None = Field(
        default=None,
        ge=1.0,
        le=2.0,
        description="How much faster a line may be spoken before fewer words are looked for; "
        "defaults to the server's setting.",
        examples=[1.2],
    )
    max_speed: float | None = Field(
        default=None,
        ge=1.0,
        le=2.0,
        description="The fastest that a line is ever spoken; defaults to the server's setting.",
        examples=[1.3],
    )
    max_shift: float | None = Field(
        default=None,
        ge=0.0,
        le=2.0,
        description="Furthest that a line may start from its subtitle where lines crowd, seconds; "
        "defaults to the server's setting.",
        examples=[0.3],
    )
    rewrites: int | None = Field(
        default=None,
        ge=0,
        le=2,
        description="How often a line that takes too long is put into fewer words; "
        "defaults to the server's setting.",
        examples=[2],
    )

    @field_validator("max_speed")
    @classmethod
    def _check_speeds(cls, value: float | None, info: ValidationInfo) -> float | None:
        soft = info.data.get("soft_speed")
        if value is not None and soft is not None and value < soft:
            raise PydanticCustomError("speeds", "has to be at least the soft speed, {soft}", {"soft": soft})
        return value


class GenerateSpeech(TaskTerms):
    """Whose voice, in which language."""

    language: LanguageCode
    voice_id: ChosenVoice = None
    voices: SpeakersVoices = Field(default={})
    options: SpeechOptions = SpeechOptions()
    audio_format: AudioFormat = Field(default="mp3", description="Of the files.")


class RegenerateSpeech(TaskTerms):
    """Segments to speak again; what is not given stays as it was. Of the options, `speaking_rate`, `pitch`
    and `volume_gain_db` are a segment's; the others are the whole track's and stay."""

    segment_ids: list[SegmentId] | None = Field(
        default=None,
        min_length=1,
        max_length=20_000,
        description="All others are left as they are; without it, the segments that failed.",
        examples=[[0, 2]],
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
    url: Url | None = Field(description="Its file, as it is placed in the dub; null if it failed.")
    duration: Duration = Field(
        description="Of the speech as it is placed, seconds; if it failed, of what is left free for it.",
        examples=[4.2],
    )
    natural_duration: float | None = Field(
        description="Of the speech at the voice's own pace, seconds; null if it failed.", examples=[4.6]
    )
    text: str = Field(description="What is said.", examples=["Hello everyone."])
    translated_text: str = Field(
        description="The translation, of which `text` may be a shorter wording.", examples=["Hello everyone."]
    )
    speaker: str | None = Field(description="Who says it in the video.", examples=["Anna"])
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
    overflow: float = Field(
        description="How much it has beyond what was its own: past its end, or of the time of lines "
        "before it, which begin earlier than they may for it; seconds.",
        examples=[0.0],
    )
    attempts: int = Field(description="How often it was spoken for the sake of its length.", examples=[1])
    rewrites: int = Field(description="How often it was put into fewer words.", examples=[0])
    cost: float | None = Field(
        description="What speaking it came to by the list price, US dollars; null where that is not known.",
        examples=[0.001],
    )
    failed: bool = Field(description="Whether it could not be spoken: the original sound is heard instead.")
    error: TaskError | None = Field(description="Why it failed.")


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
    voices: dict[str, str] = Field(description="Who speaks for which speaker.", examples=[{"Anna": "nova"}])
    model_used: str = Field(description="The speech model that ran.", examples=["gpt-4o-mini-tts"])
    audio_format: AudioFormat = Field(description="Of the files.")
    revision: Revision
    stale: Stale
    made_from: MadeFrom
    segments: list[SpokenSegment] = Field(description="In order of time.")
    full_audio: FullAudio
