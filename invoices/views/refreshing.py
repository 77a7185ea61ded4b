"""How often a page that shows uploads asks again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from c3portal.database import clock
from xero_integration.models import XeroConnection


def refresh_seconds(at_work: Iterable[XeroConnection], now: dt.datetime | None = None) -> int:
    """Return the seconds between two looks at uploads to these organisations, 0 for never; `now` is the database's
    time, which is asked for without it."""
    now = now or clock.now()
    waits = [not connection.is_usable or connection.is_paused(now) for connection in at_work]
    if not waits:
        return 0
    # A page left open over a daily limit would otherwise ask forty thousand times.
    return 30 if all(waits) else 2
