"""The numbers of a text, however they are written."""

import re
import unicodedata
from collections import Counter

_SEPARATORS = r".,'’\u00a0\u202f\u066b\u066c"
_NUMBER = re.compile(rf"(?<!\d)\d{{1,3}}(?: \d{{3}})+(?!\d)|\d(?:[\d{_SEPARATORS}]*\d)?")
_OFTEN_WRITTEN_OUT = 12


def numbers(text: str) -> Counter[str]:
    """The digits of each number, in plain figures and without separators: `1,000.5` is `10005`."""
    return Counter("".join(_figures(found[0])) for found in _NUMBER.finditer(text))


def lost_numbers(source: str, translated: str) -> tuple[str, ...]:
    """Numbers of the source that the translation lacks.

    Small ones may be written out in words, as long as no other number has taken their place.
    """
    wanted, given = numbers(source), numbers(translated)
    lost, made_up = wanted - given, given - wanted
    if made_up:
        return tuple(lost.elements())
    return tuple(number for number in lost.elements() if int(number) > _OFTEN_WRITTEN_OUT)


def keeps_numbers(text: str, shorter: str) -> bool:
    """Whether a shorter wording in the same language has every number of the text."""
    return numbers(text) <= numbers(shorter)


def _figures(number: str) -> list[str]:
    return [str(unicodedata.digit(mark)) for mark in number if mark.isdigit()]
