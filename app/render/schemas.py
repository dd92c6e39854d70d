"""The shapes of dubbed videos in the API."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.core.languages import LanguageCode
from app.core.schemas import Linked, RequestModel, Response, Timestamp
from app.render.burner import SubtitlePosition, SubtitleStyle, parse_colour
from app.render.output import OutputFormat, OutputQuality


def _validate_colour(text: str) -> str:
    try:
        parse_colour(text)
    except ValueError as error:
        raise PydanticCustomError("colour", "'{colour}' is not a colour", {"colour": text}) from error
    return text


Colour = Annotated[str, Field(max_length=64), AfterValidator(_validate_colour)]


class DubOptions(RequestModel):
    """How the dubbed video looks and sounds."""

    include_subtitles: bool = Field(default=True, description="Burn the translated subtitles in.")
    subtitle_position: SubtitlePosition = "bottom"
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
        default=0.1, ge=0, le=1, description="0 leaves the original sound out."
    )
    output_quality: OutputQuality = "high"

    def style(self) -> SubtitleStyle:
        return SubtitleStyle(
            self.subtitle_position,
            self.subtitle_font_size,
            parse_colour(self.subtitle_color),
            parse_colour(self.subtitle_background),
        )


class GenerateDubbedVideo(RequestModel):
    """Which language, in which form."""

    language: LanguageCode
    options: DubOptions = DubOptions()
    output_format: OutputFormat = "mp4"


class DubbedVideoOptions(Response):
    """What a dubbed video was made with."""

    include_subtitles: bool
    subtitle_position: Literal["bottom", "top"]
    subtitle_font_size: float
    subtitle_color: str
    subtitle_background: str
    original_audio_volume: float
    output_quality: OutputQuality
    output_format: OutputFormat


class DubbedVideo(Linked):
    """A dubbed video."""

    video_id: str
    original_title: str
    dubbed_title: str = Field(description="The title in the language of the dub.")
    language: str
    url: str = Field(description="For playing.")
    download_url: str = Field(description="For saving, with a file name.")
    thumbnail_url: str
    duration: float = Field(description="Seconds.")
    resolution: str
    file_size: int = Field(description="Bytes.")
    created_at: Timestamp
    options: DubbedVideoOptions
