"""One id through a request, its tasks and every line they log."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import Error
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
# What a proxy may hand on: long enough to be one of a kind, and nothing that would look like more than an id in a log.
WELL_FORMED = re.compile(r"[A-Za-z0-9_.-]{8,64}")

# The names that addresses give to what grants access by itself.
SECRET_PARTS = {"key", "token"}

_current: ContextVar[str] = ContextVar("trace_id", default="")


def current_id() -> str:
    """Return the id of the running request or task, "" outside of both."""
    return _current.get()


def new_id() -> str:
    """Return a unique id."""
    return uuid.uuid4().hex


def well_formed(handed_on: object) -> str:
    """Return the id that a proxy or message brought, "" when malformed."""
    return handed_on if isinstance(handed_on, str) and WELL_FORMED.fullmatch(handed_on) else ""


def begin(trace_id: str) -> None:
    """Let everything until `end` belong to `trace_id`."""
    _current.set(trace_id)


def end() -> None:
    """Forget the id."""
    _current.set("")


class TraceFilter(logging.Filter):
    """Gives each log line its `trace_id` ("-" for none) and takes one-time keys out of addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.trace_id = current_id() or "-"
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            record.args = tuple(shown_path(request) if arg == request.path else arg for arg in record.args)
        return True


def shown_path(request: HttpRequest) -> str:
    """Return the path for a log, without keys of invitations and passwords."""
    path = request.path
    try:
        # What failed before it came to a view has not been looked up yet.
        match = request.resolver_match or resolve(request.path_info)
    except Resolver404:
        return path
    for name in SECRET_PARTS & match.kwargs.keys():
        path = path.replace(str(match.kwargs[name]), "…")
    return path


def traced(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Give the request its id, answer with it, and log one line."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        begin(well_formed(request.headers.get(HEADER)) or new_id())
        try:
            response = get_response(request)
            response[HEADER] = current_id()
            _log(request, response, time.monotonic() - began)
            return response
        finally:
            end()

    return middleware


def _log(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    # Nothing of what the query or body may hold, and the user by number.
    facts = {
        "method": request.method,
        "path": shown_path(request),
        "status": response.status_code,
        "milliseconds": round(seconds * 1000),
        "user": _user_id(request),
    }
    level = logging.DEBUG if _is_routine(request.path) and response.status_code < 500 else logging.INFO
    logger.log(level, "%(method)s %(path)s %(status)s in %(milliseconds)s ms", facts, extra=facts)


def _is_routine(path: str) -> bool:
    # Asked for again and again: by browsers beside each page, or by machines.
    return path.startswith((settings.STATIC_URL, "/health/", "/metrics"))


def _user_id(request: HttpRequest) -> str | None:
    session = getattr(request, "session", None)
    try:
        # Never reads a session that the request itself had no need of.
        return session.get(SESSION_KEY) if session is not None and session.accessed else None
    except Error:
        # The database is away, which is what the request has just failed of.
        return None
