"""When an organisation's documents are read back, and by whom."""

from __future__ import annotations

import datetime as dt
import logging
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from django.conf import settings
from django.db.models import Q

from c3portal.database import clock
from c3portal.processes import liveness
from invoices.models import DocumentEvent, Posting, ReadingState, Upload, XeroEvent
from invoices.readback import inbox, reading, scope
from xero_integration import rate_limits
from xero_integration.client.errors import Problem, XeroError, XeroUnavailable
from xero_integration.models import XeroConnection

logger = logging.getLogger(__name__)

Source = DocumentEvent.Source

# A day of polls without news; from then on each waits twice as long as the one before, up to a day.
QUIET_DAY = dt.timedelta(days=1)
LONGEST_WAIT = dt.timedelta(days=1)
# The night's full reading begins then, by the organisation's own time.
RECONCILED_AT = dt.time(1, 0)
# Longer than any reading takes.
LEASE = dt.timedelta(minutes=10)
# A call that came to nothing is not repeated each minute: it may be of the day's calls all the same.
RETRY_AFTER = dt.timedelta(minutes=5)
IN_VAIN = (Problem.UNREACHABLE, Problem.UNREADABLE, Problem.INCOMPLETE)
# Calls of the day that are left to people's clicks, and to the uploads that they will yet want.
KEPT_FOR_POSTING = 50
# What Xero said longer ago of the calls left is asked again.
BUDGET_LIFE = dt.timedelta(hours=1)


def due() -> list[int]:
    """Return the ids of the organisations that something is to be read of now."""
    connected = XeroConnection.objects.filter(status=XeroConnection.Status.CONNECTED)
    return [each.pk for each in connected if _is_due(each, clock.now())]


def _is_due(connection: XeroConnection, now: dt.datetime) -> bool:
    if connection.is_paused(now):
        return False
    if XeroEvent.objects.filter(tenant_id=connection.tenant_id).exists():
        return True
    state = ReadingState.objects.filter(connection=connection).first()
    return (state is None or _is_poll_due(state, now)) and scope.unsettled(connection).exists()


def _is_poll_due(state: ReadingState, now: dt.datetime) -> bool:
    if state.next_poll_at <= now:
        return True
    # Long waits are for when nothing happens.
    lately = Upload.objects.filter(connection=state.connection_id, created_at__gt=now - QUIET_DAY)
    read_until = state.changes_read_until
    return read_until is not None and read_until + wait_after(0) <= now and lately.exists()


def read(connection: XeroConnection) -> None:
    """Read what is due: documents that webhooks named, else what changed, and once a night everything that is open.
    Does nothing while another process is at it, or while posting needs the day's calls."""
    now = clock.now()
    if not connection.is_usable or connection.is_paused(now) or not liveness.may_claim(now):
        return
    with _lease(connection, now) as state:
        if state is None or not has_calls_to_spare(connection, now):
            return
        try:
            inbox.read(connection)
            if _is_poll_due(state, now):
                _poll(connection, state, now)
        except XeroError as error:
            # What could not be read stays to be read.
            logger.warning("The documents of connection %s could not be read: %s", connection.pk, error)
            ReadingState.objects.filter(pk=state.pk).update(next_poll_at=now + wait_after(0))
            if isinstance(error, XeroUnavailable) and error.problem in IN_VAIN:
                # Nobody else tries meanwhile either.
                ReadingState.objects.filter(pk=state.pk).update(lease_until=now + min(wait_after(0), RETRY_AFTER))


@contextmanager
def _lease(connection: XeroConnection, now: dt.datetime) -> Iterator[ReadingState | None]:
    state, _ = ReadingState.objects.get_or_create(connection=connection, defaults={"next_poll_at": now})
    free = Q(lease_until=None) | Q(lease_until__lt=now) | Q(lease_until__gt=now + LEASE)
    mine = ReadingState.objects.filter(free, pk=state.pk).update(lease_until=now + LEASE)
    if not mine:
        yield None
        return
    try:
        yield ReadingState.objects.get(pk=state.pk)
    finally:
        ReadingState.objects.filter(pk=state.pk, lease_until=now + LEASE).update(lease_until=None)


def has_calls_to_spare(connection: XeroConnection, now: dt.datetime) -> bool:
    """Whether the day's calls, as far as Xero told lately, are more than posting may need."""
    left = rate_limits.day_left(connection, told_after=now - BUDGET_LIFE)
    if left is None:
        return True
    waiting = Posting.objects.in_progress().filter(connection=connection).count()
    calls: int = ceil(waiting / settings.XERO_BATCH)
    return left > KEPT_FOR_POSTING + calls


def _poll(connection: XeroConnection, state: ReadingState, now: dt.datetime) -> None:
    if not scope.unsettled(connection).exists():
        return
    night = last_night(connection, now)
    if state.changes_read_until is None or state.reconciled_at is None or state.reconciled_at < night:
        kept = reading.in_full(connection, scope.unsettled(connection), Source.RECONCILIATION)
        state.reconciled_at = now
    else:
        kept = reading.changes(connection, state.changes_read_until)
    state.quiet_polls = 0 if kept.changed else state.quiet_polls + 1
    state.changes_read_until, state.next_poll_at = now, now + wait_after(state.quiet_polls)
    state.save(update_fields=["reconciled_at", "changes_read_until", "quiet_polls", "next_poll_at"])


def wait_after(quiet_polls: int) -> dt.timedelta:
    """Return how long to wait for the next poll after so many without news."""
    every = dt.timedelta(seconds=settings.READ_BACK_EVERY)
    beyond = quiet_polls - ceil(QUIET_DAY / every)
    # By that power the day is long reached.
    longer: int = 2 ** min(max(beyond, 0), 32)
    return min(every * longer, LONGEST_WAIT)


def last_night(connection: XeroConnection, now: dt.datetime) -> dt.datetime:
    """Return when the latest night's full reading was due."""
    zone = zoneinfo.ZoneInfo(connection.time_zone or "UTC")
    here = now.astimezone(zone)
    tonight = dt.datetime.combine(here.date(), RECONCILED_AT, zone)
    return tonight if tonight <= here else tonight - dt.timedelta(days=1)
