"""Pages of lists: a cursor is where the next page begins, and means nothing to clients."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Query

from app.core.errors import ErrorCode, Problem
from app.core.identifiers import is_id

T = TypeVar("T")

Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the next ones."""

    rows: tuple[T, ...]
    next_cursor: str | None


def page_of(found: Sequence[T], limit: int, id_of: Callable[[T], str]) -> Page[T]:
    """Of a query for one row more than the page is to have."""
    rows = tuple(found[:limit])
    return Page(rows, _encode(id_of(rows[-1])) if len(found) > limit else None)


def decode_cursor(cursor: str | None, prefix: str) -> str | None:
    """The id of the last row of the page before. Raises `Problem(INVALID_CURSOR)`."""
    if cursor is None:
        return None
    try:
        found = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise Problem(ErrorCode.INVALID_CURSOR, field="cursor") from error
    if not is_id(found, prefix):
        raise Problem(ErrorCode.INVALID_CURSOR, field="cursor")
    return found


def _encode(last_id: str) -> str:
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")
