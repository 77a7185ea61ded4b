"""How web, worker and scheduler log: one JSON object a line in production, a line for people with DEBUG on."""

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
    """A line for people: nothing that was logged begins another one, moves the cursor or turns the reading direction.

    A traceback follows in lines of its own, each behind a bar.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Return the record's line with what cannot be printed in its escaped form."""
        return _shown(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Return the traceback's lines, each behind a bar."""
        return "\n".join(f"  | {_shown(line)}" for line in super().formatException(ei).split("\n"))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        """Return the stack's lines, each behind a bar."""
        return "\n".join(f"  | {_shown(line)}" for line in stack_info.split("\n"))


def _shown(text: str) -> str:
    """Return `text` with every character that is none to read (controls, line ends, halves) as Python writes it."""
    return _NOT_PLAIN.sub(lambda found: found[0] if found[0].isprintable() else ascii(found[0])[1:-1], text)


def config(env: environ.Env) -> dict[str, Any]:
    """Return the settings of `logging` that LOG_FORMAT, LOG_LEVEL and DEBUG ask for. Raises ImproperlyConfigured."""
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


def say(message: str, *_: object) -> None:
    """Write a line as the log would, from where logging itself must not be used: the handler of a signal."""
    handler = logging.getLogger().handlers[0]
    record = logging.makeLogRecord({"name": __name__, "levelno": logging.INFO, "levelname": "INFO", "msg": message})
    handler.filter(record)
    os.write(sys.stderr.fileno(), f"{handler.format(record)}\n".encode())
