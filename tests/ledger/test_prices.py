"""What calls cost: by the packaged table, by an operator's, and not at all where nobody knows."""

from datetime import date
from pathlib import Path

import pytest

from app.core.errors import ErrorCode, InvalidSettings, Problem
from app.ledger.prices import Estimate, PriceTable
from app.ledger.usage import Usage

LISTED = PriceTable.load(None, listed=True)
NOTHING = PriceTable.load(None, listed=False)
MINUTE = Usage("openai", "transcription", "whisper-1", audio_seconds=60.0)


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(content)
    return path


def entry(model: str, unit: str, price: float, day: str = "2026-11-01") -> str:
    return f'[[prices]]\nmodel = "{model}"\nunit = "{unit}"\nprice = {price}\nas_of = {day}\n'


@pytest.mark.parametrize(
    "usage",
    [
        MINUTE,
        Usage("openai", "transcription", "gpt-transcribe", audio_seconds=1.0),
        Usage("openai", "translation", "gpt-5.4-mini", input_tokens=1, output_tokens=1),
        Usage("openai", "speech", "gpt-4o-mini-tts", audio_seconds=1.0, characters=12),
        Usage("openai", "speech", "tts-1", audio_seconds=1.0, characters=12),
    ],
)
def test_the_models_of_the_settings_have_a_dated_price(usage: Usage) -> None:
    cost = LISTED.cost(usage)
    assert cost is not None
    assert cost.dollars > 0
    assert cost.as_of > date(2025, 1, 1)


def test_a_special_name_comes_before_a_general_one() -> None:
    cheap, dear = (
        LISTED.cost(Usage("openai", "speech", model, characters=1_000_000)) for model in ("tts-1", "tts-1-hd")
    )
    assert cheap is not None
    assert dear is not None
    assert dear.dollars == 2 * cheap.dollars


@pytest.mark.parametrize(
    "usage",
    [
        Usage("openai", "translation", "my-own-model", input_tokens=1, output_tokens=1),
        Usage("openai", "translation", "gpt-5.4-mini", input_tokens=1),
    ],
    ids=["no such model", "an amount that nobody told"],
)
def test_what_has_no_known_price(usage: Usage) -> None:
    assert LISTED.cost(usage) is None


def test_another_server_s_prices_are_not_those_of_openai() -> None:
    assert NOTHING.cost(MINUTE) is None


def test_an_operator_s_prices_come_first_and_whole(tmp_path: Path) -> None:
    own = entry("whisper-*", "million_characters", 1.0) + entry("gpt-5.4-mini", "million_output_tokens", 8.0)
    table = PriceTable.load(written(tmp_path, own), listed=True)
    assert table.cost(MINUTE) is None
    cost = table.cost(Usage("openai", "translation", "gpt-5.4-mini", input_tokens=10**6, output_tokens=10**6))
    assert cost is not None
    assert (cost.dollars, cost.as_of) == (8.0, date(2026, 11, 1))


def test_a_cost_is_as_old_as_its_oldest_price(tmp_path: Path) -> None:
    own = entry("m", "million_input_tokens", 1.0, "2026-01-02") + entry("m", "million_output_tokens", 1.0)
    cost = PriceTable.load(written(tmp_path, own), listed=False).cost(
        Usage("openai", "translation", "m", input_tokens=1, output_tokens=1)
    )
    assert cost is not None
    assert cost.as_of == date(2026, 1, 2)


@pytest.mark.parametrize(
    "content",
    ["prices = 3", "[[prices", entry("m", "hour", 1.0), entry("m", "audio_minute", 1.0, '"some day"')],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, content: str) -> None:
    with pytest.raises(InvalidSettings, match=r"^PRICES_FILE: [^\n]+$"):
        PriceTable.load(written(tmp_path, content), listed=True)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="PRICES_FILE"):
        PriceTable.load(tmp_path / "none.toml", listed=True)


def test_a_limit_needs_a_price() -> None:
    NOTHING.check_limit(None, "api", "whisper-1")
    NOTHING.check_limit(0.0, "cpu", "base")
    LISTED.check_limit(0.0, "api", "whisper-1")
    with pytest.raises(Problem) as refused:
        NOTHING.check_limit(1.0, "api", "whisper-1")
    assert (refused.value.code, refused.value.field) == (ErrorCode.PRICE_UNKNOWN, "max_cost")


def test_an_estimate_adds_up_calls_and_names_the_model_without_a_price() -> None:
    unpriced = Usage("openai", "speech", "my-own-model", characters=10)
    assert LISTED.estimate([MINUTE, MINUTE], "api").dollars == pytest.approx(0.012)
    assert LISTED.estimate([MINUTE, unpriced], "api") == Estimate(None, "my-own-model")
    assert NOTHING.estimate([MINUTE], "cpu") == Estimate(0.0)
    assert NOTHING.estimate([], "api") == Estimate(0.0)
