"""Prices of calls: a dated table that is data, and what an operator adds to it."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

from pydantic import TypeAdapter, ValidationError

from app.core.errors import ErrorCode, InvalidSettings, Problem
from app.ledger.usage import Usage

PriceUnit = Literal["million_input_tokens", "million_output_tokens", "audio_minute", "million_characters"]

_SIZES: Mapping[PriceUnit, float] = {
    "million_input_tokens": 1e6,
    "million_output_tokens": 1e6,
    "audio_minute": 60,
    "million_characters": 1e6,
}


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a `unit` of the models whose names match `model`, where `*` stands for anything.

    `source` tells where it was read on the day `as_of`: the vendor's price `list`, the vendor's own
    `estimate` for a model that is billed otherwise, somebody else's `report`, or the `operator`.
    """

    model: str
    unit: PriceUnit
    price: float
    as_of: date
    source: Literal["list", "estimate", "report", "operator"] = "operator"


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars, by a price read on the day `as_of`."""

    dollars: float
    as_of: date


@dataclass(frozen=True, slots=True)
class Estimate:
    """US dollars that calls will about come to; None where the price of a model, `unpriced`, is not known."""

    dollars: float | None = 0.0
    unpriced: str | None = None


@dataclass(frozen=True, slots=True)
class _File:
    prices: tuple[Price, ...]


_FILE = TypeAdapter(_File)


@dataclass(frozen=True, slots=True)
class PriceTable:
    """The first pattern that matches a model has all of its prices."""

    prices: tuple[Price, ...]

    @classmethod
    def load(cls, operators: Path | None, *, listed: bool) -> Self:
        """The operator's file before what is `listed` of OpenAI, which says nothing of other servers' prices.

        Raises `InvalidSettings`.
        """
        own = _operators_prices(operators) if operators is not None else ()
        return cls((*own, *(_listed_prices() if listed else ())))

    def cost(self, usage: Usage) -> Cost | None:
        """None for a model without a price, or where the amount of something priced is not known."""
        tariff = self._tariff(usage.model)
        amounts = [(_amount(usage, price.unit), price) for price in tariff]
        known = [(amount, price) for amount, price in amounts if amount is not None]
        if not tariff or len(known) < len(amounts):
            return None
        dollars = sum(price.price * amount / _SIZES[price.unit] for amount, price in known)
        return Cost(dollars, min(price.as_of for price in tariff))

    def estimate(self, calls: Iterable[Usage], queue: str) -> Estimate:
        """Of expected calls. What runs on this machine, in the `cpu` queue, costs nothing."""
        if queue == "cpu":
            return Estimate()
        dollars = 0.0
        for call in calls:
            cost = self.cost(call)
            if cost is None:
                return Estimate(None, call.model)
            dollars += cost.dollars
        return Estimate(dollars)

    def check_limit(self, max_cost: float | None, queue: str, model: str) -> None:
        """Whether a limit can be kept. What runs on this machine, in the `cpu` queue, costs nothing.

        Raises `Problem(PRICE_UNKNOWN)`.
        """
        if max_cost is not None and queue == "api" and not self._tariff(model):
            raise Problem(ErrorCode.PRICE_UNKNOWN, field="max_cost", model=model)

    def _tariff(self, model: str) -> tuple[Price, ...]:
        pattern = next((price.model for price in self.prices if fnmatchcase(model, price.model)), None)
        same = (price for price in self.prices if price.model == pattern)
        return tuple({price.unit: price for price in reversed(tuple(same))}.values())


def _amount(usage: Usage, unit: PriceUnit) -> float | None:
    return {
        "million_input_tokens": usage.input_tokens,
        "million_output_tokens": usage.output_tokens,
        "audio_minute": usage.audio_seconds,
        "million_characters": usage.characters,
    }[unit]


def _listed_prices() -> tuple[Price, ...]:
    text = files("app.ledger").joinpath("prices.toml").read_text(encoding="utf-8")
    return _FILE.validate_python(tomllib.loads(text)).prices


def _operators_prices(path: Path) -> tuple[Price, ...]:
    try:
        return _FILE.validate_python(tomllib.loads(path.read_text(encoding="utf-8"))).prices
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSettings(f"PRICES_FILE: cannot read {path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidSettings(f"PRICES_FILE: {place}: {first['msg']}") from error
