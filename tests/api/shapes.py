"""What an answer's values have to look like, where they cannot be known."""

import re


class Matching:
    """Equal to every text that the pattern matches whole."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self._pattern.fullmatch(other) is not None

    def __hash__(self) -> int:
        return hash(self._pattern)

    def __repr__(self) -> str:
        return f"Matching({self._pattern.pattern!r})"


class _Amount:
    """Equal to every number above zero."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and other > 0

    def __hash__(self) -> int:
        return hash(_Amount)


AMOUNT = _Amount()
VIDEO_ID = Matching(r"vid_[0-9a-f]{32}")
TASK_ID = Matching(r"task_[0-9a-f]{32}")
MOMENT = Matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
TEXT = Matching(r"(?s).+")


def url(path: str) -> Matching:
    """An absolute URL of this server."""
    return Matching(r"http://127\.0\.0\.1:\d+" + re.escape(path))
