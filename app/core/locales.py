"""What people read, in the language they asked for."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import get_args

from pydantic import TypeAdapter

from app.core.errors import ErrorCode
from app.core.settings import Locale

MESSAGES = Path(__file__).parent / "messages"
LOCALES: tuple[Locale, ...] = get_args(Locale)


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What went wrong in short, in full, and what to do next."""

    title: str
    detail: str
    next: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language's texts; placeholders are in braces."""

    errors: Mapping[ErrorCode, ErrorText]
    tasks: Mapping[str, str]
    answers: Mapping[str, str]
    readability: Mapping[str, str]
    validation: Mapping[str, str]

    def error(self, code: ErrorCode, details: Mapping[str, str | float]) -> ErrorText:
        text = self.errors[code]
        return ErrorText(text.title, _fill(text.detail, details), _fill(text.next, details))

    def task(self, key: str, details: Mapping[str, str | float]) -> str:
        return _fill(self.tasks[key], details)

    def finding(self, rule: str, details: Mapping[str, str | float]) -> str:
        """How a subtitle breaks a rule of readability."""
        return _fill(self.readability[rule], details)

    def validation_error(self, kind: str, details: Mapping[str, object], english: str) -> str:
        """pydantic's own sentence stands where the catalogue has none."""
        template = self.validation.get(kind)
        return english if template is None else _fill(template, details)


@lru_cache
def catalogue(locale: Locale) -> Catalogue:
    with (MESSAGES / f"{locale}.toml").open("rb") as file:
        return TypeAdapter(Catalogue).validate_python(tomllib.load(file))


def choose_locale(accept_language: str | None, default: Locale) -> Locale:
    """The best of the known locales for an Accept-Language header, `default` if it names none of them."""
    for code in _by_preference(accept_language or ""):
        for locale in LOCALES:
            if code.partition("-")[0].lower() == locale:
                return locale
    return default


def _by_preference(header: str) -> list[str]:
    weighted: list[tuple[float, str]] = []
    for part in header.replace(" ", "").split(","):
        code, _, quality = part.partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        if weight > 0:
            weighted.append((weight, code))
    return [code for _, code in sorted(weighted, key=lambda pair: -pair[0])]


class _Gaps(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


def _fill(template: str, details: Mapping[str, object]) -> str:
    return template.format_map(_Gaps({name: _written(value) for name, value in details.items()}))


def _written(value: object) -> object:
    """A number as people write it: 10, not 10.0."""
    return f"{value:.12g}" if isinstance(value, float) else value
