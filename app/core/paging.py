"""Pages of lists: a cursor is where the next page begins, and means nothing to clients."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query

from app.core.errors import ErrorCode, Problem
from app.core.identifiers import is_id

T = TypeVar("T")

# What databases still take for the number of a row.
LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the next ones."""

    rows: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """At most `limit` rows, from where the `cursor` says."""

    limit: int
    cursor: str | None

    @property
    def rows(self) -> int:
        """How many to look for: one more than is shown tells whether there are others."""
        return self.limit + 1

    def before(self, prefix: str) -> str | None:
        """The id of the last row of the page before. Raises `Problem(INVALID_CURSOR)`."""
        return None if self.cursor is None else _decode(self.cursor, lambda found: is_id(found, prefix))

    def before_number(self) -> int | None:
        """The same where ids are numbers."""
        return None if self.cursor is None else int(_decode(self.cursor, _is_number))

    def page(self, found: Sequence[T], id_of: Callable[[T], str]) -> Page[T]:
        """Of what was found when looking for `rows`."""
        shown = tuple(found[: self.limit])
        return Page(shown, _encode(id_of(shown[-1])) if len(found) > self.limit else None)


async def _page_request(
    limit: Annotated[int, Query(ge=1, le=100, description="How many on a page.")] = 20,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of the page before.")
    ] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


Paging = Annotated[PageRequest, Depends(_page_request)]


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= LONGEST_NUMBER


def _decode(cursor: str, is_known: Callable[[str], bool]) -> str:
    try:
        found = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise Problem(ErrorCode.INVALID_CURSOR, field="cursor") from error
    if not is_known(found):
        raise Problem(ErrorCode.INVALID_CURSOR, field="cursor")
    return found


def _encode(last_id: str) -> str:
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")
