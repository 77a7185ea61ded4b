"""What webhooks named and is yet to be read, once each."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from c3portal.database import clock
from c3portal.outgoing import plain_json
from c3portal.processes.calling import call_worker
from invoices.models import DocumentEvent, XeroEvent
from invoices.readback import reading, scope
from xero_integration.client import shapes
from xero_integration.client.errors import XeroRejected
from xero_integration.models import XeroConnection

logger = logging.getLogger(__name__)

# Of Xero's categories those that say something of a document of ours; what is set off against one changes it too.
CATEGORIES = ("INVOICE", "CREDITNOTE")
# The task that reads (invoices/tasks.py), by name, so that pages need not know the worker.
READ = "invoices.tasks.read_documents"
# Rows that are read at once, far below what one turn of a worker takes.
AT_ONCE = 1000


@dataclass(frozen=True)
class Named:
    """A document that a delivery named."""

    tenant_id: str
    category: str
    resource_id: str


def named(body: bytes) -> set[Named]:
    """Return what a delivery names, each once. Raises plain_json.Unreadable."""
    found = plain_json.parse(body)
    events = shapes.objects(found.get("events")) if isinstance(found, dict) else []
    each = {Named(_id(one, "tenantId"), _text(one, "eventCategory"), _id(one, "resourceId")) for one in events}
    return {one for one in each if one.category in CATEGORIES and one.tenant_id and one.resource_id}


def _text(event: dict[str, Any], name: str) -> str:
    return str(event.get(name) or "").upper()[:20]


def _id(event: dict[str, Any], name: str) -> str:
    value = event.get(name)
    return value.lower() if isinstance(value, str) and len(value) <= 36 else ""


def put(each: Iterable[Named]) -> list[XeroConnection]:
    """Keep what was named of organisations that were not disconnected; return these."""
    each = list(each)
    # What one names that needs reconnecting is read once somebody has.
    connected = XeroConnection.objects.exclude(status=XeroConnection.Status.DISCONNECTED)
    known = {one.tenant_id.lower(): one for one in connected if one.tenant_id.lower() in {e.tenant_id for e in each}}
    now = clock.now()
    XeroEvent.objects.bulk_create(
        [
            XeroEvent(
                tenant_id=known[one.tenant_id].tenant_id,
                category=one.category,
                resource_id=one.resource_id,
                received_at=now,
            )
            for one in each
            if one.tenant_id in known
        ],
        update_conflicts=True,
        unique_fields=["tenant_id", "category", "resource_id"],
        update_fields=["received_at"],
        batch_size=500,
    )
    return list(known.values())


def wake(*connection_ids: int) -> None:
    """Ask workers to read what was named of these organisations."""
    if not all(call_worker(READ, each) for each in connection_ids):
        logger.warning("The broker cannot be reached; the documents are read once it is back.")


def read(connection: XeroConnection) -> None:
    """Read the documents that were named and are ours, in batches. Raises XeroUnavailable and XeroAuthError; then they
    stay to be read."""
    began = clock.now()
    waiting = XeroEvent.objects.filter(tenant_id=connection.tenant_id)
    some = dict(waiting.order_by("received_at").values_list("pk", "resource_id")[:AT_ONCE])
    if not some:
        return
    ours = scope.posted(connection).filter(xero_id__in=some.values())
    try:
        reading.by_id(connection, ours, DocumentEvent.Source.WEBHOOK)
    except XeroRejected:
        # It would be refused again; the next poll brings what changed.
        logger.exception("Xero refuses to be asked for documents that it named")
    # What was named again meanwhile may have changed after it was read.
    _forget(some, began)


def _forget(some: Iterable[int], began: dt.datetime) -> None:
    XeroEvent.objects.filter(pk__in=list(some), received_at__lte=began).delete()
