"""A line that is wrong is asked for again by itself, and the best answer is kept."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pytest

from app.core.errors import ErrorCode, Problem
from app.ledger.usage import Usage
from app.translation.batches import translate_lines
from app.translation.engines.base import Line, LongLine, TranslationBatch, TranslationStyle
from app.translation.trust import MOST_FAILURES_AT_FIRST, Trust


class ScriptedTranslator:
    """Gives each line the next of its answers, the last for ever."""

    name: Final = "scripted"
    queue: Final = "cpu"
    batch_size = 25

    def __init__(self, answers: Mapping[int, Sequence[str | Line]], *, heeds_complaints: bool = True) -> None:
        self.heeds_complaints = heeds_complaints
        self.asked: list[tuple[Line, ...]] = []
        self._answers = {number: list(texts) for number, texts in answers.items()}

    def model_for(self, requested: str | None) -> str:
        return "scripted"

    def pairs(self) -> None:
        return None

    def check_pair(self, source: str, target: str) -> None:
        """Any pair will do."""

    def expected(self, batch: TranslationBatch, model: str) -> Usage:
        return Usage(self.name, "translation", model)

    async def translate(self, batch: TranslationBatch, model: str) -> tuple[Line, ...]:
        self.asked.append(batch.lines)
        return tuple(self._next(batch.lines))

    async def shorten(self, line: LongLine, model: str) -> None:
        """It knows no other wording."""

    def _next(self, lines: Sequence[Line]) -> Iterator[Line]:
        for line in lines:
            texts = self._answers[line.id]
            answer = texts.pop(0) if len(texts) > 1 else texts[0]
            yield answer if isinstance(answer, Line) else Line(line.id, answer)


class HastyRefusals(ScriptedTranslator):
    """Refuses at once what is `unspeakable`, and gives no answer before it has."""

    def __init__(self, answers: Mapping[int, Sequence[str]]) -> None:
        super().__init__(answers)
        self._refused = asyncio.Semaphore(0)

    async def translate(self, batch: TranslationBatch, model: str) -> tuple[Line, ...]:
        if batch.lines[0].text == UNSPEAKABLE:
            self._refused.release()
            raise Problem(ErrorCode.ENGINE_REFUSED, model=model, reason="it breaks the rules")
        for _ in range(MOST_FAILURES_AT_FIRST):
            await self._refused.acquire()
        return await super().translate(batch, model)


UNSPEAKABLE = "what may not be said."
GOOD = "Buenos días a todos."
SOURCES = {1: "good morning everyone.", 2: "we take the train {x} at 1984."}
FINE = "vamos en tren {x} en 1984."


def batch_of(target: str = "es") -> TranslationBatch:
    style = TranslationStyle(terminology=(("train", "tren"),))
    lines = tuple(Line(number, text) for number, text in SOURCES.items())
    return TranslationBatch("en", target, lines, style=style)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("we take the train {x} at 1984.", "not translated"),
        ("мы едем {x} в 1984", "script of es"),
        ("vamos en tren en 1984.", "exactly: {x}"),
        ("vamos en coche {x} en 1984.", "train → tren"),
        ("vamos en tren {x} en 1948.", "numbers: 1984"),
    ],
)
async def test_the_engine_is_told_what_was_wrong(wrong: str, told: str) -> None:
    engine = ScriptedTranslator({1: [GOOD], 2: [wrong, FINE]})
    result = await translate_lines(engine, batch_of(), "m")
    assert [line.text for line in result.lines] == [GOOD, FINE]
    assert (result.untranslated, result.doubtful) == ((), ())
    (again,) = engine.asked[1]
    assert told in (again.complaint or "")
    assert len(engine.asked) == 2


@pytest.mark.parametrize(
    ("wrong", "calls", "untranslated", "doubtful"),
    [
        ("we take the train {x} at 1984.", 3, (2,), ()),
        ("мы едем {x} в 1984", 3, (2,), ()),
        ("", 3, (2,), ()),
        ("vamos en tren en 1984.", 3, (), (2,)),
        ("vamos en coche {x} en 1984.", 3, (), ()),
        ("vamos en tren {x} en 1948.", 2, (), (2,)),
    ],
)
async def test_what_stays_wrong_is_kept_and_listed(
    wrong: str, calls: int, untranslated: tuple[int, ...], doubtful: tuple[int, ...]
) -> None:
    engine = ScriptedTranslator({1: [GOOD], 2: [wrong]})
    result = await translate_lines(engine, batch_of(), "m")
    assert [line.text for line in result.lines] == [GOOD, wrong or SOURCES[2]]
    assert (result.untranslated, result.doubtful) == (untranslated, doubtful)
    assert len(engine.asked) == calls


async def test_one_doubt_about_a_name_is_enough() -> None:
    batch = TranslationBatch("en", "es", (Line(1, SOURCES[1]), Line(2, "we met Anna there.")))
    engine = ScriptedTranslator({1: [GOOD], 2: [Line(2, "la conocimos allí.", ("la conocimos.",))]})
    result = await translate_lines(engine, batch, "m")
    assert (result.untranslated, result.doubtful) == ((), (2,))
    assert [lines[0].complaint for lines in engine.asked[1:]] == ["It must keep the names: Anna"]
    assert result.lines[1].shorter == ("la conocimos.",)


async def test_the_best_of_several_answers_is_kept() -> None:
    better = "vamos en coche {x} en 1984."
    engine = ScriptedTranslator({1: [GOOD], 2: ["мы едем", better, "we take the train {x} at 1984."]})
    result = await translate_lines(engine, batch_of(), "m")
    assert result.lines[1].text == better
    assert result.untranslated == ()


async def test_where_all_is_wrong_all_is_asked_for_together() -> None:
    engine = ScriptedTranslator({1: ["доброе утро", GOOD], 2: ["мы едем", FINE]})
    result = await translate_lines(engine, batch_of(), "m")
    assert [line.text for line in result.lines] == [GOOD, FINE]
    assert [len(lines) for lines in engine.asked] == [2, 2]


async def test_an_engine_that_cannot_do_better_is_not_asked_again() -> None:
    engine = ScriptedTranslator({1: [GOOD], 2: ["vamos en tren en 1984."]}, heeds_complaints=False)
    result = await translate_lines(engine, batch_of(), "m")
    assert len(engine.asked) == 1
    assert result.doubtful == (2,)


async def test_shorter_wordings_are_held_to_the_same_rules() -> None:
    wordings = (
        "vamos en tren {x} en 1984, creo.",  # longer than the text
        " “vamos en tren {x} en 1984” ",
        "vamos en tren en 1984",  # without the placeholder
        "en coche {x}, en 1984",  # without the term
        "мы едем {x} в 1984",
        "en tren {x}",  # without the number
        "",
        "en tren {x} en 1984",
        "tren {x} 1984",
    )
    engine = ScriptedTranslator({1: [Line(1, GOOD, ("Buenos días.", "Hola."))], 2: [Line(2, FINE, wordings)]})
    result = await translate_lines(engine, batch_of(), "m")
    assert result.lines[0].shorter == ("Buenos días.", "Hola.")
    assert result.lines[1].shorter == ("vamos en tren {x} en 1984", "en tren {x} en 1984", "tren {x} 1984")


async def test_refusals_that_come_before_any_answer_are_no_verdict_on_the_others() -> None:
    engine = HastyRefusals({0: [GOOD]})
    trust = Trust()

    async def translated(number: int, text: str) -> tuple[int, ...]:
        batch = TranslationBatch("en", "es", (Line(number, text),))
        return (await translate_lines(engine, batch, "m", trust)).untranslated

    refused = [translated(number, UNSPEAKABLE) for number in range(1, MOST_FAILURES_AT_FIRST + 1)]
    left_over = await asyncio.gather(translated(0, SOURCES[1]), *refused)
    assert left_over == [(), (1,), (2,), (3,)]
