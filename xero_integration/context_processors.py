"""The state of the connection, for the banner on every page."""

import datetime as dt
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from c3portal.database import clock
from c3portal.http import dates
from xero_integration.models import XeroConnection

_KEPT = "_xero_connection"


def connection(request: HttpRequest) -> dict[str, Any]:
    """Return the current connection (or None) and whether it is paused, for who is signed in."""
    if not hasattr(request, "user") or not request.user.is_authenticated:
        return {}
    current = current_connection(request)
    now = clock.now()
    paused = bool(current and current.is_paused(now))
    return {
        "xero_connection": current,
        "xero_paused": paused,
        "xero_goes_on": _goes_on(current.paused_until, now) if current and current.paused_until else "",
    }


def current_connection(request: HttpRequest) -> XeroConnection | None:
    """Return the organisation in use, asked for once a request."""
    if not hasattr(request, _KEPT):
        shown = XeroConnection.objects.select_related("token_set", "connected_by", "budget")
        setattr(request, _KEPT, shown.current())
    found: XeroConnection | None = getattr(request, _KEPT)
    return found


def _goes_on(until: dt.datetime, now: dt.datetime) -> str:
    # Seconds when it is near, the day when it is not today.
    at = timezone.localtime(until)
    if until - now < dt.timedelta(minutes=2):
        return f"{at:%H:%M:%S}"
    return f"{at:%H:%M}" if at.date() == timezone.localdate(now) else f"{at:%H:%M}, {dates.day(until)}"
