"""Structured logs: one JSON object a line in production, readable lines on a terminal, never a secret."""

import logging.config
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

SECRET_NAMES = re.compile(r"pass|secret|token|authorization|cookie|api_?key|dsn", re.IGNORECASE)
SECRET_TEXT = re.compile(
    r"dlk_[A-Za-z0-9]+_[A-Za-z0-9]+|(?<=Bearer )\S+|(?<=GenieKey )\S+|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|xox[a-z]-[A-Za-z0-9-]+|(?<=hooks\.slack\.com/)\S+"
)


def without_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor that blanks values under telling names and credentials inside texts."""
    for name, value in event.items():
        if SECRET_NAMES.search(name):
            event[name] = "[hidden]"
        elif isinstance(value, str):
            event[name] = SECRET_TEXT.sub("[hidden]", value)
    return event


def log_line(logger: logging.Logger, event: str, **facts: object) -> None:
    """Write one line for every request at a tenth of the cost of the full pipeline; `facts` hold no secrets.

    The logger only says whether to; its handlers are not asked.
    """
    if logger.isEnabledFor(logging.INFO):
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        sys.stderr.write(orjson.dumps({"event": event, **facts, "level": "info", "timestamp": moment}).decode() + "\n")


def configure(options: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG: route the standard library and structlog through the same processors."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    logging.config.dictConfig(_standard_library(shared, is_json=options["json"], level=options["level"]))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _standard_library(shared: list[structlog.typing.Processor], *, is_json: bool, level: str) -> dict[str, Any]:
    final: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        without_secrets,
        structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer(colors=False),
    ]
    formatter = {"()": structlog.stdlib.ProcessorFormatter, "foreign_pre_chain": shared, "processors": final}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": formatter},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "structured"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},
            "celery.app.trace": {"level": "WARNING"},
        },
    }
