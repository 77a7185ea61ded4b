"""How web, worker and scheduler log: one JSON object a line in production, a line for people with DEBUG on."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from pythonjsonlogger.core import RESERVED_ATTRS

LINE = {"format": "%(asctime)s %(levelname)s %(name)s [%(trace_id)s]: %(message)s"}
JSON = {
    "()": "pythonjsonlogger.json.JsonFormatter",
    "fmt": "%(levelname)s %(name)s %(process)d %(trace_id)s %(message)s",
    "rename_fields": {"levelname": "level", "name": "logger"},
    "timestamp": "time",
    # Django puts the request beside its own lines, Celery a task's arguments: more than a log may hold.
    "reserved_attrs": [*RESERVED_ATTRS, "request", "data"],
}
FORMATS = {"line": LINE, "json": JSON}


def config(env: environ.Env) -> dict[str, Any]:
    """Return the settings of `logging` that LOG_FORMAT, LOG_LEVEL and DEBUG ask for. Raises ImproperlyConfigured."""
    name = env.str("LOG_FORMAT", default="") or ("line" if env.bool("DEBUG", default=False) else "json")
    if name not in FORMATS:
        raise ImproperlyConfigured(f"LOG_FORMAT is {name!r}: set it to json or line.")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"trace": {"()": "c3portal.tracing.TraceFilter"}},
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
