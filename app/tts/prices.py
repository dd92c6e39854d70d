"""What a call to a speech engine costs by list price, as it was on the day that `prices.toml` names."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

from app.tts.engines.base import SpeechRequest, TTSClient


@dataclass(frozen=True, slots=True)
class PriceList:
    """US dollars by model: the list prices of the day `as_of`, which may have changed since."""

    as_of: str
    per_minute: Mapping[str, float]
    per_million_characters: Mapping[str, float]


def price(engine: TTSClient, request: SpeechRequest, seconds: float) -> float | None:
    """Of `seconds` of speech, in US dollars by the list price; None for a model that is not listed.
    What runs on this machine costs nothing."""
    if engine.queue == "cpu":
        return 0.0
    prices = _prices()
    if request.model in prices.per_minute:
        return prices.per_minute[request.model] * seconds / 60
    if request.model in prices.per_million_characters:
        return prices.per_million_characters[request.model] * len(request.text) / 1_000_000
    return None


@cache
def _prices() -> PriceList:
    text = files("app.tts").joinpath("prices.toml").read_text(encoding="utf-8")
    return TypeAdapter(PriceList).validate_python(tomllib.loads(text))
