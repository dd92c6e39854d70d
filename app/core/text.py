"""Text of people, fit to be stored and sent on: control characters break headers, files and databases."""

from typing import Annotated

from pydantic import BeforeValidator


def without_controls(text: str) -> str:
    """Line breaks stay; other control characters go, tabs become blanks."""
    kept = (" " if char == "\t" else char for char in text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(char for char in kept if char == "\n" or not _is_control(char))


def one_line(text: str) -> str:
    """The same on a single line, without blanks at its ends."""
    return " ".join(without_controls(text).split())


def _is_control(char: str) -> bool:
    return ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000


def _made_one_line(value: object) -> object:
    return one_line(value) if isinstance(value, str) else value


OneLine = Annotated[str, BeforeValidator(_made_one_line)]
