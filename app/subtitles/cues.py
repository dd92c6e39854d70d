"""A line of text on screen, and how lines share the screen one at a time."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.core.text import one_line

LONGEST_NAME = 100
_UNTIMED_SECONDS = 2.0
_TOGETHER_SECONDS = 0.05
_MARKUP = re.compile(r"</?[biu]>")


@dataclass(frozen=True, slots=True)
class Cue:
    """`start` and `end` in seconds; `text` may hold line breaks and the tags `<b>`, `<i>` and `<u>`.
    `below` is the same in another language, to be shown under it, and `speaker` names who speaks."""

    start: float
    end: float
    text: str
    below: str | None = None
    speaker: str | None = None


def name_of_speaker(text: str | None) -> str | None:
    """As it is kept, on one line; None where nobody is named."""
    return one_line(text or "")[:LONGEST_NAME].strip() or None


def without_markup(text: str) -> str:
    """The words alone, as they are spoken."""
    return _MARKUP.sub("", text) if "<" in text else text


def one_at_a_time(cues: Iterable[Cue]) -> tuple[Cue, ...]:
    """The cues in order of time, never two at once, since a voice says one line at a time.

    A cue that is still shown when the next one starts ends there. Cues that start together (within
    0.05 s) become one with a line break between their texts. A cue that ends before it has begun
    keeps its start and is shown for 2 s or until the next one.
    """
    line: list[Cue] = []
    for cue in sorted(map(_with_length, cues), key=lambda cue: (cue.start, cue.end)):
        if not line or cue.start >= line[-1].end:
            line.append(cue)
        elif cue.start - line[-1].start < _TOGETHER_SECONDS:
            line[-1] = _joined(line[-1], cue)
        else:
            line[-1] = replace(line[-1], end=cue.start)
            line.append(cue)
    return tuple(line)


def _with_length(cue: Cue) -> Cue:
    return cue if cue.end > cue.start else replace(cue, end=round(cue.start + _UNTIMED_SECONDS, 3))


def _joined(first: Cue, second: Cue) -> Cue:
    return Cue(
        first.start,
        max(first.end, second.end),
        f"{first.text}\n{second.text}",
        speaker=first.speaker if first.speaker == second.speaker else None,
    )
