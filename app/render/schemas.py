"""The shapes of dubbed videos in the API."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from app.core.languages import DistinctLanguages, LanguageCode
from app.core.schemas import Duration, LanguageTag, RequestModel, Response, Timestamp, Url, VideoId
from app.jobs.schemas import TaskTerms
from app.render.burner import SubtitlePosition, SubtitleStyle, parse_colour
from app.render.output import OutputFormat, OutputFormatter, OutputQuality
from app.videos.schemas import MadeFrom, Revision, Stale


def _validate_colour(text: str) -> str:
    try:
        parse_colour(text)
    except ValueError as error:
        raise PydanticCustomError("colour", "'{colour}' is not a colour", {"colour": text}) from error
    return text


SubtitleMode = Literal["burned", "soft", "none"]
Colour = Annotated[str, Field(max_length=64), AfterValidator(_validate_colour)]


class DubOptions(RequestModel):
    """How the dubbed video looks and sounds."""

    include_subtitles: bool = Field(default=True, description="Burn the translated subtitles in.")
    subtitle_mode: SubtitleMode | None = Field(
        default=None,
        description="`burned` into the picture in the first language, or `soft`: in every language, for "
        "viewers to turn on and off, with the picture left as it is. Null follows `include_subtitles`.",
    )
    subtitle_position: SubtitlePosition = Field(default="bottom", description="Where the lines stand.")
    subtitle_font_size: float = Field(
        default=16, ge=6, le=72, description="Pixels in a 640 × 360 player; it grows with the picture."
    )
    subtitle_color: Colour = Field(
        default="#FFFFFF", description="CSS colour: `#RRGGBB`, `rgb()` or `rgba()`."
    )
    subtitle_background: Colour = Field(
        default="rgba(0,0,0,0.5)", description="CSS colour; `transparent` outlines the text instead."
    )
    original_audio_volume: float = Field(
        default=0.1, ge=0, le=1, description="Under the speech; 0 leaves the original sound out there."
    )
    ducking: Literal["on", "off"] = Field(
        default="on",
        description="`on` brings the original back to its own volume between the lines; `off` keeps it at "
        "`original_audio_volume` throughout.",
    )
    loudness: float | None = Field(
        default=-16,
        ge=-31,
        le=-9,
        description="Of the whole mix: integrated, in LUFS. Null leaves it as it comes.",
    )
    keep_original_track: bool = Field(
        default=False, description="Adds the original sound as one more audio track."
    )
    output_quality: OutputQuality = Field(
        default="high", description="Of an encoded picture and the sound; a copied picture is untouched."
    )

    @property
    def subtitles(self) -> SubtitleMode:
        """What is asked for by either of the two fields."""
        return self.subtitle_mode or ("burned" if self.include_subtitles else "none")

    def style(self) -> SubtitleStyle:
        return SubtitleStyle(
            self.subtitle_position,
            self.subtitle_font_size,
            parse_colour(self.subtitle_color),
            parse_colour(self.subtitle_background),
        )


class GenerateDubbedVideo(TaskTerms):
    """Which language or languages, in which form."""

    languages: DistinctLanguages | None = Field(
        default=None,
        min_length=1,
        max_length=8,
        description="One audio track each; the first is the one that players choose and names the dub.",
        examples=[["en", "ja"]],
    )
    language: LanguageCode | None = Field(
        default=None, validate_default=True, description="For a dub in one language, in place of `languages`."
    )
    options: DubOptions = DubOptions()
    output_format: OutputFormat = Field(default="mp4", description="The container.")

    @field_validator("language")
    @classmethod
    def _agree(cls, language: str | None, info: ValidationInfo) -> str | None:
        languages = info.data.get("languages")
        if language is None and languages is None and "languages" in info.data:
            raise PydanticKnownError("missing")
        if language is not None and languages is not None and language != languages[0]:
            raise PydanticCustomError("first_language", "is not the first of the languages")
        return language

    @property
    def spoken(self) -> tuple[str, ...]:
        """The languages of the audio tracks."""
        return tuple(self.languages or filter(None, [self.language]))

    @property
    def output(self) -> OutputFormatter:
        """How its file is written."""
        return OutputFormatter(self.output_format, self.options.output_quality)


class DubbedVideoOptions(DubOptions):
    """What a dubbed video was made with."""

    output_format: OutputFormat = Field(description="The container.")


class DubbedVideo(Response):
    """A dubbed video."""

    video_id: VideoId = Field(description="Id of the video it was made from.")
    original_title: str = Field(description="The video's own title.", examples=["비디오 제목"])
    dubbed_title: str = Field(description="The title in the language of the dub.", examples=["Video Title"])
    language: LanguageTag
    languages: list[LanguageTag] = Field(description="Of its audio tracks, the first the one that plays.")
    subtitle_language: LanguageTag | None = Field(description="Of the subtitles shown first; null for none.")
    url: Url = Field(description="For playing.")
    download_url: Url = Field(description="For saving, with a file name.")
    thumbnail_url: Url = Field(description="A JPEG.")
    report_url: Url = Field(description="How well it is in sync and how it sounds, measured.")
    duration: Duration
    resolution: str = Field(description="Width and height in pixels.", examples=["1920x1080"])
    file_size: int = Field(description="Bytes.", examples=[25600000])
    revision: Revision
    stale: Stale
    made_from: MadeFrom
    created_at: Timestamp
    options: DubbedVideoOptions
