"""The phrases that speech recognition is known to make up."""

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Phrases:
    credits: tuple[str, ...]
    farewells: frozenset[str]


def is_credit(sentence: str) -> bool:
    """Whether it names who made some subtitles, as nobody does aloud."""
    text = compact(sentence)
    return any(credit in text for credit in _phrases().credits)


def is_farewell(sentence: str) -> bool:
    """Whether it is one that is often made up; people say it too."""
    return compact(sentence) in _phrases().farewells


def compact(text: str) -> str:
    """Letters and digits alone, in lower case, to compare by."""
    return "".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


@lru_cache(maxsize=1)
def _phrases() -> _Phrases:
    """Of all languages together: an engine that hears nothing is not sure of the language either."""
    data = files("app.subtitles").joinpath("phantom_phrases.toml").read_text(encoding="utf-8")
    tables: dict[str, dict[str, list[str]]] = tomllib.loads(data)
    return _Phrases(
        credits=tuple(compact(credit) for table in tables.values() for credit in table["credits"]),
        farewells=frozenset(compact(phrase) for table in tables.values() for phrase in table["farewells"]),
    )
