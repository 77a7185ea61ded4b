"""One id through a request, the tasks that it started, and every line that they log."""

from __future__ import annotations

from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("trace_id", default="")


def current_id() -> str:
    """Return the id of the request or task that runs here, "" outside of both."""
    return _current.get()
