"""What a voice says in its preview."""

import tomllib
from functools import cache
from importlib.resources import files

import langcodes

COUNTING = "1, 2, 3, 4, 5"  # digits are read aloud in whatever language the voice speaks


def sample_sentence(language: str) -> str:
    """A sentence in the language (BCP 47), its own name where there is none, or digits to count."""
    base = langcodes.Language.get(language).language or language
    return _samples().get(base, COUNTING)


@cache
def _samples() -> dict[str, str]:
    text = files("app.tts.engines").joinpath("samples.toml").read_text(encoding="utf-8")
    tables: dict[str, dict[str, str]] = tomllib.loads(text)
    return tables["names"] | tables["sentences"]
