"""One organisation's work: contacts, then calls, then lookups."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from c3portal.database import clock
from c3portal.processes import liveness
from invoices.posting import contact_step, reconciliation, sender, transitions, twins
from xero_integration import connections, rate_limits
from xero_integration.client.errors import Problem, XeroAuthError, XeroUnavailable
from xero_integration.models import XeroConnection

logger = logging.getLogger(__name__)


def reconcile_and_link_contacts(connection: XeroConnection) -> None:
    """Look up what is uncertain and see to contacts. Raises XeroUnavailable and XeroAuthError."""
    reconciliation.require_lookups(connection)
    reconciliation.reconcile(connection)
    contact_step.link_contacts(connection)


def advance(connection: XeroConnection, until: float) -> bool:
    """Send what is queued until the monotonic time `until`. Returns whether there is more. Raises XeroUnavailable
    and XeroAuthError."""
    rate_limits.require_room(connection)
    while sender.send_next(connection):
        if time.monotonic() > until:
            return True
        rate_limits.require_room(connection)
    reconciliation.reconcile(connection)
    # What a lookup put back, the halves of a refused call among it, need not wait for the next sweep.
    if transitions.sendable(connection).exists() or transitions.not_looked_up(connection).exists():
        return True
    twins.detect(connection)
    return False


@dataclass
class Wait:
    """Seconds until it can go on, None when it ended or waits for a person."""

    seconds: float | None = None


@contextmanager
def waiting_rows(connection: XeroConnection) -> Iterator[Wait]:
    """End the work, rows waiting, where Xero asks for a pause or the connection ended."""
    wait = Wait()
    try:
        yield wait
    except XeroUnavailable as error:
        # Others go on with the work.
        if error.problem in (Problem.ALL_TAKEN, Problem.STALLED):
            return
        connections.pause(connection, error)
        wait.seconds = error.retry_after.total_seconds()
        logger.info("Connection %s pauses for %s (%s)", connection.pk, error.retry_after, error.problem)
    except XeroAuthError:
        logger.warning("Connection %s needs reconnecting", connection.pk)


def may_work(connection: XeroConnection) -> bool:
    """Whether this process may make calls now."""
    now = clock.now()
    return connection.is_usable and not connection.is_paused(now) and liveness.may_claim(now)
