"""The shapes of a dub in one call."""

from typing import Literal

from pydantic import Field

from app.core.languages import DistinctLanguages, LanguageOrAuto
from app.core.schemas import LanguageTag, RequestModel, Response, VideoId
from app.jobs.models import JobType
from app.jobs.schemas import StartedTask, TaskTerms
from app.render.output import OutputFormat
from app.render.schemas import DubOptions, GenerateDubbedVideo
from app.subtitles.schemas import ExtractSubtitles, SegmentationOptions
from app.translation.schemas import TranslateSubtitles, TranslationOptions
from app.tts.schemas import ChosenVoice, GenerateSpeech, SpeakersVoices, SpeechOptions


class StageOptions(RequestModel):
    """The options of the stages. A stage whose options are given is done again, which costs no more than
    what they change. Without them speech and videos are made as they were before, as far as there are any."""

    segments: SegmentationOptions | None = Field(default=None, description="Of the transcription.")
    translation: TranslationOptions | None = Field(default=None, description="Of the translations.")
    speech: SpeechOptions | None = Field(default=None, description="Of the speech.")
    video: DubOptions | None = Field(default=None, description="Of the final videos.")


class DubVideo(TaskTerms):
    """Into which languages, and how."""

    target_languages: DistinctLanguages = Field(
        min_length=1,
        max_length=20,
        description="One dub each, made side by side.",
        examples=[["en", "es"]],
    )
    source_language: LanguageOrAuto = "auto"
    voice_id: ChosenVoice = None
    voices: SpeakersVoices = Field(default={})
    options: StageOptions = StageOptions()
    output_format: OutputFormat = Field(default="mp4", description="The container.")
    dry_run: bool = Field(
        default=False, description="Only tell what would be done, how long it would take and what it costs."
    )

    @property
    def asks_for_voice(self) -> bool:
        return self.voice_id is not None or bool(self.voices)

    def extraction(self) -> ExtractSubtitles:
        return ExtractSubtitles(
            max_cost=self.max_cost,
            language=self.source_language,
            segments=self.options.segments or SegmentationOptions(),
        )

    def translation(self, language: str) -> TranslateSubtitles:
        return TranslateSubtitles(
            max_cost=self.max_cost,
            target_language=language,
            options=self.options.translation or TranslationOptions(),
        )

    def speech(self, language: str) -> GenerateSpeech:
        return GenerateSpeech(
            max_cost=self.max_cost,
            language=language,
            voice_id=self.voice_id,
            voices=self.voices,
            options=self.options.speech or SpeechOptions(),
        )

    def video(self, language: str) -> GenerateDubbedVideo:
        return GenerateDubbedVideo(
            language=language,
            options=self.options.video or DubOptions(),
            output_format=self.output_format,
        )


class StartedDub(StartedTask):
    """A dub was accepted."""

    target_languages: list[LanguageTag] = Field(description="As asked for.")


class PlannedStage(Response):
    """A stage of a dub, and what there is to do in it."""

    stage: JobType
    language: LanguageTag | None = Field(description="Null for what all languages share.")
    action: Literal["make", "keep"] = Field(description="`keep`: it is there already, and up to date.")
    unit: Literal["seconds", "segments"] = Field(description="What `units` counts.")
    units: int = Field(
        description="How much there is; estimated before the subtitles are there.", examples=[120]
    )
    units_ready: int = Field(
        description="How many of them are there already, also from other tasks and videos. Of what has to be "
        "heard or rendered that is not known before.",
        examples=[80],
    )
    estimated_seconds: float = Field(description="How long the rest will take.", examples=[42.0])
    estimated_cost: float | None = Field(
        description="About what the rest costs, in US dollars; null without a price for `unpriced_model`.",
        examples=[0.012],
    )
    unpriced_model: str | None = Field(
        description="The model whose price is not known: `PRICES_FILE` on the server can tell it."
    )


class DubPlan(Response):
    """What a dub would do."""

    video_id: VideoId
    stages: list[PlannedStage] = Field(description="In the order they are done; languages side by side.")
    estimated_time: int = Field(description="Seconds, of the longest chain of stages.", examples=[120])
    estimated_cost: float | None = Field(
        description="About what all stages cost, in US dollars; null where that of one is not known.",
        examples=[0.25],
    )
