"""The shapes of dubbed videos in the API."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.core.languages import LanguageCode
from app.core.schemas import Duration, LanguageTag, RequestModel, Response, Timestamp, Url, VideoId
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
        default=0.1, ge=0, le=1, description="0 leaves the original sound out."
    )
    output_quality: OutputQuality = Field(
        default="high", description="Of an encoded picture and the sound; a copied picture is untouched."
    )

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
    output_format: OutputFormat = Field(default="mp4", description="The container.")


class DubbedVideoOptions(Response):
    """What a dubbed video was made with."""

    include_subtitles: bool = Field(description="Whether the translated subtitles are burned in.")
    subtitle_position: SubtitlePosition = Field(description="Where the lines stand.")
    subtitle_font_size: float = Field(description="Pixels in a 640 × 360 player.", examples=[16])
    subtitle_color: str = Field(description="CSS colour.", examples=["#FFFFFF"])
    subtitle_background: str = Field(description="CSS colour.", examples=["rgba(0,0,0,0.5)"])
    original_audio_volume: float = Field(description="0 to 1.", examples=[0.1])
    output_quality: OutputQuality = Field(description="As it was asked for.")
    output_format: OutputFormat = Field(description="The container.")


class DubbedVideo(Response):
    """A dubbed video."""

    video_id: VideoId = Field(description="Id of the video it was made from.")
    original_title: str = Field(description="The video's own title.", examples=["비디오 제목"])
    dubbed_title: str = Field(description="The title in the language of the dub.", examples=["Video Title"])
    language: LanguageTag
    url: Url = Field(description="For playing.")
    download_url: Url = Field(description="For saving, with a file name.")
    thumbnail_url: Url = Field(description="A JPEG.")
    duration: Duration
    resolution: str = Field(description="Width and height in pixels.", examples=["1920x1080"])
    file_size: int = Field(description="Bytes.", examples=[25600000])
    created_at: Timestamp
    options: DubbedVideoOptions
