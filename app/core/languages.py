"""Language codes: BCP 47 in, BCP 47 out (langcodes does the work)."""

from typing import Annotated

import langcodes
from langcodes.tag_parser import LanguageTagError
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

AUTO = "auto"


def normalise_language(code: str) -> str:
    """The standard spelling of a BCP 47 code: `EN-us` gives `en-US`. Raises `ValueError` for no language."""
    try:
        language = langcodes.Language.get(code)
    except (LanguageTagError, ValueError) as error:
        raise ValueError(code) from error
    if not language.is_valid() or language.language is None or language.language == "und":
        raise ValueError(code)
    return language.to_tag()


def base_language(code: str) -> str:
    """The language without region or script: `pt-BR` gives `pt`."""
    return langcodes.Language.get(code).language or code


def iso_639_2(code: str) -> str:
    """The three letters that containers tag their streams with; `und` when there are none."""
    try:
        return langcodes.Language.get(code).to_alpha3()
    except LookupError:
        return "und"


def _validate_language(code: str) -> str:
    try:
        return normalise_language(code)
    except ValueError as error:
        raise PydanticCustomError("language", "'{code}' is not a language code", {"code": code}) from error


def _validate_distinct(languages: list[str]) -> list[str]:
    if len(set(languages)) < len(languages):
        raise PydanticCustomError("distinct_languages", "names a language twice")
    return languages


def _validate_language_or_auto(code: str) -> str:
    return AUTO if code.lower() == AUTO else _validate_language(code)


LanguageCode = Annotated[
    str,
    Field(
        max_length=35,
        description="A BCP 47 language code, for example `en`, `ko` or `pt-BR`.",
        examples=["en"],
    ),
    AfterValidator(_validate_language),
]
DistinctLanguages = Annotated[list[LanguageCode], AfterValidator(_validate_distinct)]
LanguageOrAuto = Annotated[
    str,
    Field(max_length=35, description="A BCP 47 language code, or `auto` to detect it."),
    AfterValidator(_validate_language_or_auto),
]
