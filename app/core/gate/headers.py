"""What an answer's headers say of when the server wants to be asked again."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LIMITED = ("requests", "tokens")
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def resting_seconds(headers: Mapping[str, str], *, refused: bool) -> float:
    """How long to leave the server alone, 0 where it does not say. `headers` have names in lower case or
    are found by any; `Retry-After` counts where the request was `refused`, used-up limits always."""
    return max(_retry_after(headers) if refused else 0.0, *(_used_up(headers, kind) for kind in _LIMITED))


def _retry_after(headers: Mapping[str, str]) -> float:
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    written = headers.get("retry-after", "")
    seconds = _number(written)
    return _until(written, headers.get("date", "")) if seconds is None else seconds


def _until(date: str, now: str) -> float:
    """By the server's own clock, where it tells it."""
    with suppress(ValueError):
        there = parsedate_to_datetime(date)
        here = parsedate_to_datetime(now) if now else datetime.now(UTC)
        return max(0.0, (there - here).total_seconds())
    return 0.0


def _used_up(headers: Mapping[str, str], kind: str) -> float:
    """How long until a limit that has nothing left begins anew."""
    if _number(headers.get(f"x-ratelimit-remaining-{kind}", "")) != 0:
        return 0.0
    written = headers.get(f"x-ratelimit-reset-{kind}", "")
    seconds = _number(written)
    return _length(written) if seconds is None else seconds


def _length(written: str) -> float:
    """Seconds of lengths such as 6m0s or 17ms, 0 if it is written in another way."""
    parts = _LENGTH.findall(written)
    if "".join(number + unit for number, unit in parts) != written:
        return 0.0
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _number(written: str) -> float | None:
    """None if it is none, or below 0."""
    return float(written) if re.fullmatch(r"\d+(\.\d+)?", written) else None
