"""What wakes the workers. A task carries ids only and decides nothing, so that it may be lost or come twice."""

from __future__ import annotations

import logging
import time
from math import ceil
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db.models import Q, QuerySet

from c3_integration.models import C3Fetch
from c3portal.database import clock
from c3portal.notifications.tasks import deliver_notices
from c3portal.processes import heartbeats, liveness
from invoices import notifications
from invoices.attention import counting
from invoices.changes import allocating, follow_ups, leases
from invoices.changes import transitions as waiting_changes
from invoices.changes import worker as changes
from invoices.fetching import customers, downloads, fetch, mornings, requests
from invoices.importing import backfill, billed_taxes, importer, in_hand
from invoices.models import Posting, Upload
from invoices.posting import reconciliation, transitions, twins, wakeups, worker
from invoices.preflight import upload_drafts
from invoices.readback import schedule
from xero_integration import connections
from xero_integration.client.errors import XeroError
from xero_integration.models import XeroConnection

logger = logging.getLogger(__name__)

# A turn: then the rest waits in line again, behind the other organisations whose messages came meanwhile.
WORK_SECONDS = 10
# Up to here a worker is woken to the second when a pause ends. A longer wait is the sweep's: a message that waits
# longer than the broker's visibility time-out would be delivered several times.
LONGEST_NAP = 120
# Xero allows five calls in flight for an organisation; one is kept free for people's clicks.
# https://developer.xero.com/documentation/guides/oauth2/limits/
WORKERS_EACH_ORGANISATION = 4
FINGERPRINTS_AT_ONCE = 5_000
UPLOADS_AT_ONCE = 50


@shared_task
def check_attention() -> None:
    """Check what is not posted of the newest billing periods, and count what needs attention, where that changed."""
    counting.refresh()


@shared_task
@liveness.released_on_error()
def work(connection_id: int, spread: bool = True) -> None:
    """Do what is due for one organisation for one turn; `spread` calls as many other workers as the queue can use."""
    # Sweeps wait in line behind long work until they are past, so a worker sweeps itself when they are missed.
    if heartbeats.sweeps_are_missed():
        sweep()
    until = time.monotonic() + WORK_SECONDS
    connection = XeroConnection.objects.select_related("token_set").get(pk=connection_id)
    if not worker.may_work(connection):
        return
    # The first worker sees to the contacts, before others are called.
    with worker.waiting_rows(connection) as wait:
        worker.reconcile_and_link_contacts(connection)
        if spread:
            wakeups.wake(connection_id, workers=_workers_for(connection) - 1, spread=False)
        # First what was posted wrongly goes: then it may be posted again. Of a thousand mails posting waits a turn.
        is_changing = changes.advance(connection, until)
        is_posting = worker.advance(connection, until)
        if follow_ups.queue(connection) or is_changing or is_posting:
            wakeups.wake(connection_id, spread=False)
    if wait.seconds is not None and wait.seconds <= LONGEST_NAP:
        wakeups.wake(connection_id, spread=False, after=wait.seconds)


def _workers_for(connection: XeroConnection) -> int:
    batches: int = ceil(transitions.sendable(connection).count() / settings.XERO_BATCH)
    calls = batches + waiting_changes.calls_waiting(connection)
    return max(1, min(WORKERS_EACH_ORGANISATION, calls))


# Not acknowledged late: an import takes longer than the broker waits, and the sweep finds what its worker left.
@shared_task(soft_time_limit=in_hand.SOFT_TIME_LIMIT, time_limit=in_hand.TIME_LIMIT, acks_late=False)
@liveness.released_on_error()
def inspect_import(run_id: int) -> None:
    """Find out what a file would bring."""
    in_hand.inspect(run_id)


@shared_task(soft_time_limit=in_hand.SOFT_TIME_LIMIT, time_limit=in_hand.TIME_LIMIT, acks_late=False)
@liveness.released_on_error()
def run_import(run_id: int) -> None:
    """Import a file; of customers who come from C3, have what C3 knows of them too."""
    in_hand.bring_in(run_id)
    customers.enrich_after(run_id)


# Not acknowledged late for the same reason: the fetch's lease says what became of it.
@shared_task(soft_time_limit=fetch.SOFT_TIME_LIMIT, time_limit=fetch.TIME_LIMIT, acks_late=False)
@liveness.released_on_error()
def fetch_from_c3(fetch_id: int) -> None:
    """Fetch invoices from C3."""
    if found := C3Fetch.objects.filter(pk=fetch_id).first():
        fetch.run(found)


@shared_task
def fetch_when_due() -> None:
    """Begin the morning's fetch, call a worker for one that waits, and go on where a person matched columns."""
    mornings.open_what_is_due()
    downloads.go_on()
    for waiting in C3Fetch.objects.filter(state=C3Fetch.State.WAITING):
        requests.wake(waiting.pk)


@shared_task
def sweep() -> None:
    """Free what dead workers left, and wake workers for whatever is due."""
    leases.release_expired()
    upload_drafts.forget_old()
    importer.close_abandoned()
    in_hand.sweep()
    # The rows know what is to be done, so a lost task only waits for the next sweep.
    due = _connections_with_work()
    # Before the first worker is woken: it would find the sweeps still missed, and sweep and wake in its turn.
    heartbeats.beat(heartbeats.Process.WORKER)
    for connection_id in due:
        wakeups.wake(connection_id)


@shared_task
def read_back() -> None:
    """Have the documents of each organisation that are due read by a task of its own."""
    for connection_id in schedule.due():
        read_documents.delay(connection_id)


@shared_task
@liveness.released_on_error()
def read_documents(connection_id: int) -> None:
    """Read what became of one organisation's documents."""
    schedule.read(XeroConnection.objects.select_related("token_set").get(pk=connection_id))


@shared_task
def find_notices() -> None:
    """Have what people are to be told delivered at once."""
    if notifications.find():
        deliver_notices.delay()


@shared_task
def keep_connections_alive() -> None:
    """Use every refresh token, and notice organisations that were disconnected in Xero."""
    connections.keep_alive()


@shared_task
def fill_fingerprints() -> None:
    """Give invoices of earlier releases the fingerprint of what they bill, and uploads what they began with, some at a
    time."""
    backfill.fill(most=FINGERPRINTS_AT_ONCE)
    Upload.objects.filter(invoices_count=None)[:UPLOADS_AT_ONCE].count_invoices()


@shared_task
def mend_billed_taxes() -> None:
    """Count the taxes of lines that a worker of the release before brought during an update."""
    if mended := billed_taxes.mend():
        logger.info("Taxes on bills were counted anew for %d of customers, resellers and taxes", mended)


@shared_task
def refresh_reference() -> None:
    """Have each connected organisation's reference data read by a task of its own."""
    connected = XeroConnection.objects.filter(status=XeroConnection.Status.CONNECTED)
    for connection_id in connected.values_list("pk", flat=True):
        read_reference.delay(connection_id)


@shared_task
def read_reference(connection_id: int) -> None:
    """Read one organisation's reference data; what cannot be read now is read the next time."""
    try:
        connections.read_reference(XeroConnection.objects.get(pk=connection_id), click=False)
    except XeroError as error:
        logger.warning("The reference data of connection %s could not be read: %s", connection_id, error)


def _connections_with_work() -> list[int]:
    now = clock.now()
    due = Q(status=Posting.Status.QUEUED) | Q(reconciliation.is_due(now), status=Posting.Status.UNCERTAIN)
    changing = (changes.due(), allocating.due(), follow_ups.due())
    rows: tuple[QuerySet[Any], ...] = (Posting.objects.filter(due), twins.due(), *changing)
    with_work = {pk for each in rows for pk in each.values_list("connection_id", flat=True).distinct()}
    connected = XeroConnection.objects.filter(pk__in=with_work, status=XeroConnection.Status.CONNECTED)
    return list(connected.filter(Q(paused_until=None) | Q(paused_until__lte=now)).values_list("pk", flat=True))
