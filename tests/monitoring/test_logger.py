"""A log has one line for each event, none that a client wrote, and no secrets."""

import logging
import sys

import pytest

from app.monitoring.logger import FORMAT, LineFormatter, WithoutQuery


def logged(message: str, *arguments: object, error: bool = False) -> str:
    information = sys.exc_info() if error else None
    record = logging.LogRecord("app.tested", logging.ERROR, __file__, 1, message, arguments, information)
    return LineFormatter(FORMAT).format(record)


@pytest.mark.parametrize("character", ["\n", "\r", "\r\n", "\x1b", "\0", "\u2028", "\u202e", "\x85"])
def test_nobody_else_begins_a_line(character: str) -> None:
    line = logged("the title is %s", f"x{character}2026-01-01 CRITICAL app: forged")
    assert len(line.splitlines()) == 1
    assert character not in line
    assert "forged" in line


def test_a_trace_is_set_apart() -> None:
    try:
        raise ValueError("x\n2026-01-01 CRITICAL app: forged\x1b[31m")
    except ValueError:
        first, *others = logged("a defect", error=True).splitlines()
    assert first.endswith("a defect")
    assert any("forged" in line for line in others)
    assert all(line.startswith("    ") and "\x1b" not in line for line in others)


@pytest.mark.parametrize(
    "message",
    [
        "Incorrect API key provided: sk-proj-{secret}.",
        "Authorization: Bearer {secret}",
        "authorization: basic {secret}",
        "could not connect to postgresql://me:{secret}@db:5432/app",
        "redis://:{secret}@cache:6379/0 does not answer",
        "signed with whsec_{secret}",
        "the key vdk_{secret} was refused",
        "GET /file?signature={secret}&x=1",
    ],
)
def test_secrets_are_left_out(message: str) -> None:
    secret = "hushhushhush4711"
    assert secret not in logged(message.format(secret=secret))
    try:
        raise RuntimeError(message.format(secret=secret))
    except RuntimeError:
        assert secret not in logged("a defect", error=True)


@pytest.mark.parametrize("message", ["job task_01 failed: it is busy", "Listening on http://127.0.0.1:8000"])
def test_what_is_no_secret_stays(message: str) -> None:
    assert logged(message).endswith(message)


def test_a_request_is_told_without_its_query() -> None:
    arguments = ("127.0.0.1:1", "GET", "/api/videos/vid_1/file?signature=hush", "1.1", 200)
    record = logging.LogRecord(
        "uvicorn.access", logging.INFO, "", 1, '%s - "%s %s HTTP/%s" %d', arguments, None
    )
    assert WithoutQuery().filter(record)
    assert record.getMessage() == '127.0.0.1:1 - "GET /api/videos/vid_1/file HTTP/1.1" 200'
