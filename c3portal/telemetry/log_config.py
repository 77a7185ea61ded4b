"""How every process logs: one JSON object a line, with DEBUG a line for people."""

from __future__ import annotations

import logging
import os
import re
import sys
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from pythonjsonlogger.core import RESERVED_ATTRS

LINE = {
    "()": "c3portal.telemetry.log_config.LineFormatter",
    "format": "%(asctime)s %(levelname)s %(name)s [%(trace_id)s]: %(message)s",
}
JSON = {
    "()": "pythonjsonlogger.json.JsonFormatter",
    "fmt": "%(levelname)s %(name)s %(process)d %(trace_id)s %(message)s",
    "rename_fields": {"levelname": "level", "name": "logger"},
    "timestamp": "time",
    # Django puts the request beside its own lines, Celery a task's arguments: more than a log may hold.
    "reserved_attrs": [*RESERVED_ATTRS, "request", "data"],
}
FORMATS = {"line": LINE, "json": JSON}


_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")


class LineFormatter(logging.Formatter):
    """A line for people: nothing logged can begin another line, move the cursor or turn the reading direction."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return _shown(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        # Behind a bar, so that no line of a traceback passes for a record.
        return "\n".join(f"  | {_shown(line)}" for line in super().formatException(ei).split("\n"))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return "\n".join(f"  | {_shown(line)}" for line in stack_info.split("\n"))


def _shown(text: str) -> str:
    # Controls, line ends and halves of characters, as Python writes them.
    return _NOT_PLAIN.sub(lambda found: found[0] if found[0].isprintable() else ascii(found[0])[1:-1], text)


def config(env: environ.Env) -> dict[str, Any]:
    """Return logging's settings by LOG_FORMAT, LOG_LEVEL and DEBUG. Raises ImproperlyConfigured."""
    name = env.str("LOG_FORMAT", default="") or ("line" if env.bool("DEBUG", default=False) else "json")
    if name not in FORMATS:
        raise ImproperlyConfigured(f"LOG_FORMAT is {name!r}: set it to json or line.")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"trace": {"()": "c3portal.telemetry.tracing.TraceFilter"}},
        "formatters": {"chosen": FORMATS[name]},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "chosen", "filters": ["trace"]}},
        "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="") or "INFO"},
        "loggers": {"gunicorn.error": {"handlers": [], "propagate": True}},
    }


def log_from_signal_handler(message: str, *_: object) -> None:
    """Write a line as the log would, from a signal's handler, where logging must not be used."""
    handler = logging.getLogger().handlers[0]
    record = logging.makeLogRecord({"name": __name__, "levelno": logging.INFO, "levelname": "INFO", "msg": message})
    handler.filter(record)
    os.write(sys.stderr.fileno(), f"{handler.format(record)}\n".encode())
