"""Logger: one line per event on standard error."""

import logging
import logging.config

FORMAT = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"


def configure_logging(level: str) -> None:
    """`level` is DEBUG, INFO, WARNING or ERROR; the libraries speak only from WARNING up."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"format": FORMAT}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {
                "app": {"level": level},
                "uvicorn.error": {"level": level},
                "alembic": {"level": "WARNING"},
            },
        }
    )
