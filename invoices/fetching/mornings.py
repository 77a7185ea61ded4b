"""When the scheduler fetches by itself: once each morning, a missed one as soon as something runs."""

from __future__ import annotations

import datetime as dt

from c3_integration import fetches
from c3_integration.fetches import AlreadyFetching
from c3_integration.models import C3Fetch, C3Settings
from c3portal.database import clock
from invoices.fetching.known import zone_of

# What passes by itself is tried again the same morning, so often and after so long.
TRIES, TRY_AGAIN_AFTER = 3, dt.timedelta(minutes=30)
PASSING = (C3Fetch.Problem.UNAVAILABLE, C3Fetch.Problem.STOPPED)


def open_what_is_due() -> C3Fetch | None:
    """Return a new fetch when a morning's is due and none is open, else None."""
    app, now = C3Settings.load(), clock.now()
    if not (app.fetch_enabled and app.is_complete and _is_due(app, now)):
        return None
    try:
        return fetches.open_one(C3Fetch.Trigger.SCHEDULE)
    except AlreadyFetching:
        return None


def last_morning(app: C3Settings, now: dt.datetime) -> dt.datetime:
    """Return when it was last the hour of the settings in their time zone."""
    local = now.astimezone(zone_of(app.time_zone))
    morning = local.replace(hour=app.fetch_hour, minute=0, second=0, microsecond=0)
    # By the calendar, so that days of 23 or 25 hours have one morning each.
    return morning if morning <= local else morning - dt.timedelta(days=1)


def _is_due(app: C3Settings, now: dt.datetime) -> bool:
    morning = last_morning(app, now)
    # Settings that were saved since have no morning to make up for.
    if app.updated_at is None or morning < app.updated_at:
        return False
    since = list(C3Fetch.objects.filter(trigger=C3Fetch.Trigger.SCHEDULE, started_at__gte=morning))
    if not since:
        return True
    last = since[0]
    passing = last.state == C3Fetch.State.FAILED and last.problem in PASSING
    return bool(passing and len(since) < TRIES and last.finished_at and now - last.finished_at >= TRY_AGAIN_AFTER)
