"""The shapes of usage in the API."""

from typing import Literal

from pydantic import Field

from app.core.schemas import Response

Grouping = Literal["day", "model", "video"]


class UsageSums(Response):
    """Calls to engines, added up."""

    calls: int = Field(
        description="Those that were answered, also where another had to follow.", examples=[42]
    )
    input_tokens: int = Field(description="Of language models.", examples=[18200])
    output_tokens: int = Field(description="Of language models.", examples=[9400])
    audio_seconds: float = Field(description="Heard or spoken.", examples=[360.5])
    characters: int = Field(description="Spoken.", examples=[5210])
    cost: float = Field(description="US dollars, of the calls whose price is known.", examples=[0.42])
    unpriced_calls: int = Field(description="Calls whose price is not known.", examples=[0])


class UsageGroup(UsageSums):
    """The calls that have something in common."""

    key: str | None = Field(
        description="The day (UTC), the model or the id of the video, which may have been deleted since; "
        "null for what was done for no video, such as the preview of a voice.",
        examples=["gpt-5.4-mini"],
    )


class UsageReport(Response):
    """What was used, in groups and altogether."""

    group_by: Grouping = Field(description="What `key` is.")
    groups: list[UsageGroup] = Field(description="By `key`.")
    total: UsageSums


class MemoSums(Response):
    """Results that are kept, and what they saved since they were made."""

    entries: int = Field(description="How many there are.", examples=[1250])
    bytes: int = Field(description="Their size.", examples=[734003200])
    hits: int = Field(description="How often a task was given one in place of work.", examples=[310])
    saved_cost: float = Field(
        description="US dollars that those tasks would have spent, as far as prices are known.",
        examples=[1.87],
    )
    saved_seconds: float = Field(
        description="What making them anew would have taken, waiting for engines included.", examples=[940.5]
    )


class MemoKind(MemoSums):
    """Those of one kind of work."""

    kind: str = Field(
        description="`transcript`, `translation`, `rewriting`, `speech`, `clip` and others.",
        examples=["speech"],
    )


class MemoReport(Response):
    """The memo by kinds and altogether; what was evicted is no longer counted."""

    kinds: list[MemoKind] = Field(description="By name.")
    total: MemoSums
