"""The state of the connection, for the banner on every page."""

import datetime as dt
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from c3portal.database import clock
from c3portal.formats import dates
from xero_integration.models import XeroConnection

_KEPT = "_xero_connection"


def connection(request: HttpRequest) -> dict[str, Any]:
    """Return the current connection (or None) and whether it is paused, for who is signed in."""
    if not hasattr(request, "user") or not request.user.is_authenticated:
        return {}
    current = current_connection(request)
    until = current.paused_until if current else None
    # Only where a pause was ever asked for: on PostgreSQL the time is a question to the database.
    now = clock.now() if until else None
    return {
        "xero_connection": current,
        "xero_paused": bool(until and now and until > now),
        "xero_goes_on": _goes_on(until, now) if until and now else "",
    }


def current_connection(request: HttpRequest) -> XeroConnection | None:
    """Return the organisation in use, asked for once a request."""
    if not hasattr(request, _KEPT):
        shown = XeroConnection.objects.select_related("token_set", "connected_by", "budget")
        setattr(request, _KEPT, shown.current())
    found: XeroConnection | None = getattr(request, _KEPT)
    return found


def forget_connection(request: HttpRequest) -> None:
    """Have it asked for anew: what was just done may have changed how it stands."""
    if hasattr(request, _KEPT):
        delattr(request, _KEPT)


def _goes_on(until: dt.datetime, now: dt.datetime) -> str:
    # Seconds when it is near, the day when it is not today.
    at = timezone.localtime(until)
    if until - now < dt.timedelta(minutes=2):
        return f"{at:%H:%M:%S}"
    return f"{at:%H:%M}" if at.date() == timezone.localdate(now) else f"{at:%H:%M}, {dates.day(until)}"
