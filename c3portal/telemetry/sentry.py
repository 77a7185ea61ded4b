"""Reports errors to Sentry when SENTRY_DSN is set: where in the code, nothing of whom or what."""

from __future__ import annotations

import re
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.types import Event

from c3portal.telemetry import tracing

# An error may quote what it stumbled over: addresses, and what is long enough to be a key or a token.
PERSONAL = re.compile(r"[^\s@'\"<>(]+@[^\s@'\">)]+|[A-Za-z0-9_\-.=+/]{32,}")
# What an event may hold; whatever else a later release of the library adds stays here.
KEPT = {
    "contexts",
    "environment",
    "event_id",
    "exception",
    "level",
    "modules",
    "platform",
    "release",
    "sdk",
    "server_name",
    "timestamp",
    "transaction",
}
CONTEXTS = {"runtime", "trace"}


def start(dsn: str, *, environment: str, release: str) -> None:
    """Report every uncaught exception from now on."""
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        # Breadcrumbs and lines of the log would carry numbers and names; the id leads to the portal's own log.
        max_breadcrumbs=0,
        # What links reports of several processes holds the key of SENTRY_DSN: it would go into the broker, to Xero and
        # to webhooks.
        integrations=[LoggingIntegration(level=None, event_level=None), CeleryIntegration(propagate_traces=False)],
        trace_propagation_targets=[],
        auto_session_tracking=False,
        send_client_reports=False,
        before_send=scrubbed,
    )


def scrubbed(event: Event, hint: dict[str, Any]) -> Event:
    """Return only what says where the event happened, and the id that finds it in the log."""
    kept: dict[str, Any] = {name: value for name, value in event.items() if name in KEPT}
    kept["contexts"] = {name: value for name, value in kept.get("contexts", {}).items() if name in CONTEXTS}
    for error in kept.get("exception", {}).get("values", []):
        error["value"] = PERSONAL.sub("[left out]", _first_line(str(error.get("value") or "")))
    kept["tags"] = {"trace_id": tracing.current_id()}
    return kept  # type: ignore[return-value]


def _first_line(text: str) -> str:
    # PostgreSQL quotes the row in the lines below.
    return next(iter(text.splitlines()), "")
