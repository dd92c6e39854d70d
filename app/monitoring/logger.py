"""Logger: one line per event on standard error, without secrets, and no line that somebody else wrote."""

import logging
import logging.config
import re

FORMAT = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"
LEFT_OUT = "…"

# A log is read by people and by programs that take every line for one of ours.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SECRET = re.compile(
    r"(\b(?:bearer|basic)\s+|\b(?:sk|whsec|vd[akr])[-_]|\bsignature=)[^\s'\"@,;&]{4,}", re.IGNORECASE
)
_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)")


class LineFormatter(logging.Formatter):
    """Control characters are written out, secrets are not, and a trace is set apart by blanks."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        return without_secrets(_written_out(super().formatMessage(record)).replace("\n", "\\n"))

    def formatException(self, *information: object) -> str:  # noqa: N802 - logging's own name
        trace = super().formatException(*information)  # type: ignore[arg-type]  # as they came
        lines = _written_out(without_secrets(trace)).split("\n")
        return "\n".join(f"    {line}" for line in lines)


class WithoutQuery(logging.Filter):
    """Leaves the query out of the lines about requests: it may hold what people wrote, or a signature."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and len(record.args) > 2:
            client, method, path, *rest = record.args
            record.args = (client, method, str(path).partition("?")[0], *rest)
        return True


def without_secrets(text: str) -> str:
    """What looks like a key, a token or a password in a URL is left out."""
    return _PASSWORD.sub(rf"\1{LEFT_OUT}", _SECRET.sub(rf"\1{LEFT_OUT}", text))


def configure_logging(level: str) -> None:
    """`level` is DEBUG, INFO, WARNING or ERROR; the libraries speak only from WARNING up."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": LineFormatter, "fmt": FORMAT}},
            "filters": {"without query": {"()": WithoutQuery}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {
                "app": {"level": level},
                "uvicorn.error": {"level": level},
                "uvicorn.access": {"level": level, "filters": ["without query"]},
                "alembic": {"level": "WARNING"},
            },
        }
    )


def _written_out(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
