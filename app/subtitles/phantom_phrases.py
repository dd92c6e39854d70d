"""The phrases that speech recognition is known to make up."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Phrases:
    credits: re.Pattern[str]
    farewells: frozenset[str]


def is_credit(sentence: str) -> bool:
    """Whether it names who made some subtitles, as nobody does aloud."""
    return _phrases().credits.search(" ".join(_words(sentence))) is not None


def is_farewell(sentence: str) -> bool:
    """Whether it is one that is often made up; people say it too."""
    return compact(sentence) in _phrases().farewells


def compact(text: str) -> str:
    """Letters and digits alone, in lower case, to compare by."""
    return "".join(_words(text))


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """Latin words are whole ones: Amara organises more than subtitles. Elsewhere a word may have endings."""
    forms = "|".join(" ?".join(map(re.escape, _words(phrase))) for phrase in phrases)
    return re.compile(rf"(?<![a-z0-9])(?:{forms})(?![a-z0-9])")


@lru_cache(maxsize=1)
def _phrases() -> _Phrases:
    """Of all languages together: an engine that hears nothing is not sure of the language either."""
    data = files("app.subtitles").joinpath("phantom_phrases.toml").read_text(encoding="utf-8")
    tables: dict[str, dict[str, list[str]]] = tomllib.loads(data)
    return _Phrases(
        credits=_any_of(credit for table in tables.values() for credit in table["credits"]),
        farewells=frozenset(compact(phrase) for table in tables.values() for phrase in table["farewells"]),
    )
