"""What can be wrong with the place where bytes rest, as problems that a person can act on."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError

from app.core.errors import ErrorCode, Problem

_NO_SPACE_LEFT = f"(os error {errno.ENOSPC})"
# How every kind of bucket tells of what failed, whatever the type of the error.
_ANSWER = re.compile(r"Server returned non-2xx status code: ((\d{3})[^:\n]*)")
_SILENCE = re.compile(r"HTTP error: .*")
_OTHER = re.compile(r"Generic (?!LocalFileSystem)\w+ error: (.*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_NO_BUCKET = re.compile(r"NoSuchBucket|bucket does not exist|ContainerNotFound")
_PASSING = frozenset({408, 429})


def storage_problem(error: Exception) -> Problem | None:
    """STORAGE_FULL, STORAGE_UNREACHABLE, which passes, or STORAGE_REFUSED, which does not; None if `error`
    says nothing of the kind."""
    if not isinstance(error, BaseError | OSError):
        return None
    text = str(error)
    if getattr(error, "errno", None) == errno.ENOSPC or _NO_SPACE_LEFT in text:
        return Problem(ErrorCode.STORAGE_FULL)
    if isinstance(error, FileNotFoundError) and not _NO_BUCKET.search(text):
        return None
    if answer := _ANSWER.search(text):
        return Problem(_code_of_status(int(answer[2])), reason=_told(answer[1], text))
    if silence := _SILENCE.search(text):
        return Problem(ErrorCode.STORAGE_UNREACHABLE, reason=silence[0])
    other = _OTHER.search(text)
    return other and Problem(ErrorCode.STORAGE_REFUSED, reason=other[1])


@contextmanager
def storage_told() -> Iterator[None]:
    """Raises what is wrong with the storage as a `Problem`."""
    try:
        yield
    except (BaseError, OSError) as error:
        problem = storage_problem(error)
        if problem is None:
            raise
        raise problem from error


def _code_of_status(status: int) -> ErrorCode:
    passes = status >= 500 or status in _PASSING
    return ErrorCode.STORAGE_UNREACHABLE if passes else ErrorCode.STORAGE_REFUSED


def _told(status: str, text: str) -> str:
    """The status in words, and the store's own name for it where it has one."""
    code = _CODE.search(text)
    return f"HTTP {status}" if code is None else f"HTTP {status} ({code[1]})"
