"""The built-in translation, with the pairs this machine has."""

import asyncio
import time
from pathlib import Path

import pytest

from app.core.errors import ErrorCode, Problem
from app.translation.engines.base import Line, LongLine, TranslationBatch, TranslationStyle, Translator
from app.translation.engines.local import DATA_DIR, ApertiumTranslator

installed = pytest.mark.skipif(
    not (DATA_DIR / "modes" / "eng-spa.mode").is_file(), reason="apertium-eng-spa is not installed"
)


async def translated(texts: list[str], style: TranslationStyle | None = None) -> list[str]:
    lines = tuple(Line(index, text) for index, text in enumerate(texts))
    batch = TranslationBatch("en", "es-MX", lines, style=style or TranslationStyle())
    answer = await ApertiumTranslator().translate(batch, "apertium")
    assert [line.id for line in answer] == [line.id for line in lines]
    return [line.text for line in answer]


@installed
async def test_translates_real_sentences() -> None:
    assert await translated(["The house is big.", "I have two cats."]) == [
        "La casa es grande.",
        "Tengo dos gatos.",
    ]


@installed
async def test_lines_are_never_mixed_up() -> None:
    odd = [
        "I am going to the",
        "big house",
        "New York",
        "...",
        "",
        "[music]",
        "50% off, $3 \\ a",
        "^x$ {y}",
        "♪",
    ]
    together = await translated(odd * 20)

    alone = [(await translated([text]))[0] for text in odd]
    assert together == alone * 20


@installed
async def test_a_line_keeps_its_two_rows() -> None:
    (text,) = await translated(["- The house is big.\n- The cat is small."])

    assert text == "- La casa es grande.\n- El gato es pequeño."


@installed
async def test_blank_rows_do_not_tear_a_line() -> None:
    assert len(await translated(["The house.\n\nThe cat.", "The dog."])) == 2


@installed
async def test_the_terminology_is_obeyed() -> None:
    style = TranslationStyle(
        terminology=(("learning", "WRONG"), ("machine learning", r"aprendizaje automático \1"))
    )
    texts = await translated(["Machine Learning is useful.", "We like machine learning models."], style)

    assert all(r"aprendizaje automático \1" in text for text in texts)
    assert not any("WRONG" in text for text in texts)


@installed
async def test_placeholders_are_left_alone() -> None:
    (text,) = await translated(
        ["Yes, {name}, <i>the house</i> has %(rooms)d rooms: https://house.example/big."]
    )

    assert text == "Sí, {name}, <i>la casa</i> tiene %(rooms)d salas: https://house.example/big."


@installed
async def test_there_are_no_other_wordings() -> None:
    engine: Translator = ApertiumTranslator()
    batch = TranslationBatch("en", "es", (Line(1, "The house is big."),))
    (line,) = await engine.translate(batch, "apertium")
    assert line.shorter == ()
    assert await engine.shorten(LongLine("La casa es grande.", None, "en", "es", 9), "apertium") is None


@installed
async def test_cancelling_ends_the_command() -> None:
    slow = ["This is a rather long text about nothing at all. " * 40] * 2000
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await translated(slow)

    assert time.monotonic() - started < 10  # the text takes far longer


def test_an_unknown_pair_says_what_to_set() -> None:
    with pytest.raises(Problem) as raised:
        ApertiumTranslator().check_pair("en", "ko")

    assert raised.value.code is ErrorCode.LANGUAGE_PAIR_UNSUPPORTED
    assert raised.value.details == {
        "source": "en",
        "target": "ko",
        "hint": "OPENAI_API_KEY=… | OPENAI_BASE_URL=…",
    }


def test_a_pair_that_debian_has_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(Problem) as raised:
        ApertiumTranslator(data_dir=tmp_path).check_pair("pt-BR", "es")

    assert "apt-get install apertium apertium-es-pt" in str(raised.value.details["hint"])


def test_a_pair_is_found_by_its_data(tmp_path: Path) -> None:
    (tmp_path / "modes").mkdir()
    (tmp_path / "modes" / "spa-cat.mode").touch()

    ApertiumTranslator(data_dir=tmp_path, binary="true").check_pair("es", "ca")
