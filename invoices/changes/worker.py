"""One organisation's changes: what is asked of documents in Xero, then lookups."""

from __future__ import annotations

import time

from django.db.models import Q, QuerySet

from c3portal.database import clock
from invoices.changes import allocating, reconciliation, sender, transitions
from invoices.models import DocumentChange
from invoices.posting.reconciliation import is_due
from xero_integration import rate_limits
from xero_integration.models import XeroConnection


def advance(connection: XeroConnection, until: float) -> bool:
    """Send what is queued until the monotonic time `until`. Returns whether there is more. Raises XeroUnavailable and
    XeroAuthError."""
    allocating.queue_due(connection)
    reconciliation.require_lookups(connection)
    reconciliation.reconcile(connection)
    while transitions.sendable(connection).exists():
        rate_limits.require_room(connection)
        if not sender.send_next(connection):
            return False
        if time.monotonic() > until:
            return True
    reconciliation.reconcile(connection)
    return transitions.sendable(connection).exists()


def due() -> QuerySet[DocumentChange]:
    """Return what a worker has to do something about now."""
    uncertain = Q(is_due(clock.now()), status=DocumentChange.Status.UNCERTAIN)
    return DocumentChange.objects.filter(Q(status=DocumentChange.Status.QUEUED) | uncertain)
