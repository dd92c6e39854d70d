"""What a program or a player reads in a text, and no translator may touch."""

import re
from collections import Counter

_PLACEHOLDER = re.compile(
    r"</?[A-Za-z][^<>]*>"
    r"|\{[^{}]*\}"
    r"|%(?:\(\w+\)|\d+\$)?[sdif]\b"
    r"|(?:https?://|www\.)\S+"
    r"|[\w.+-]+@[\w-]+\.[\w.]+"
)
_BEHIND = ".,;:!?)'\""  # what follows a link rather than ends it


def placeholders(text: str) -> tuple[str, ...]:
    """Tags, `{name}`, `%s`, links and addresses, in order."""
    return tuple(found[0].rstrip(_BEHIND) for found in _PLACEHOLDER.finditer(text))


def without_placeholders(text: str) -> str:
    return _PLACEHOLDER.sub(" ", text)


def lost_placeholders(source: str, translated: str) -> tuple[str, ...]:
    """Those of the source that the translation lacks."""
    return tuple((Counter(placeholders(source)) - Counter(placeholders(translated))).elements())
