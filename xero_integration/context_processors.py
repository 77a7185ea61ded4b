"""The state of the connection, for the banner on every page."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from xero_integration.models import XeroConnection


def connection(request: HttpRequest) -> dict[str, Any]:
    """Return `xero_connection` (the current one or None) and whether it is paused; nothing to who is not signed in."""
    if not hasattr(request, "user") or not request.user.is_authenticated:
        return {}
    current = XeroConnection.objects.current()
    return {"xero_connection": current, "xero_paused": bool(current and current.is_paused(timezone.now()))}
