"""What Xero has of a billing period's days that the portal did not make."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import batched
from typing import Any

from django.db.models import Max, Min

from c3portal.database import clock
from invoices.models import BillingPeriod, Invoice, OthersInXero, Posting
from invoices.posting import ownership
from xero_integration import connections
from xero_integration.client import document_lists
from xero_integration.client.gateway import Gateway
from xero_integration.client.vocabulary import GONE
from xero_integration.models import XeroConnection
from xero_integration.reference import json_date

# More than a page can show; the count tells how many there are.
KEPT = 200
IDS_AT_ONCE = 500
# Of a kind, each of 1,000 documents.
CALLS = 20
TOO_MANY = "Xero has too many documents of these days to read them all here."
NOTHING_DATED = "The period has no invoices, so it has no days to look at."


def look(period: BillingPeriod, connection: XeroConnection) -> OthersInXero | str:
    """Ask Xero for the sales documents dated as the period's invoices are, and keep those that the portal did not
    make. Returns what was kept, or why nothing was. Raises XeroUnavailable and XeroAuthError."""
    days = Invoice.objects.filter(period=period).aggregate(first=Min("issued_on"), last=Max("issued_on"))
    first, last = days["first"], days["last"]
    if first is None or last is None:
        return NOTHING_DATED

    def read(gateway: Gateway) -> list[list[dict[str, Any]] | None]:
        return [document_lists.dated_from(gateway, kind, first, CALLS, until=last) for kind in document_lists.TYPES]

    lists = connections.call(connection, read, click=True)
    if any(each is None for each in lists):
        return TOO_MANY
    rows = [row for each in lists for row in each or () if row.get("Status") not in GONE]
    known = _known({ownership.id_of(row) for row in rows})
    found = [row for row in rows if ownership.id_of(row) not in known]
    kept, _ = OthersInXero.objects.update_or_create(
        period=period,
        defaults={
            "connection": connection,
            "documents": [_shown(row) for row in found[:KEPT]],
            "count": len(found),
            "looked_at": clock.now(),
        },
    )
    return kept


def _known(ids: set[str]) -> set[str]:
    """Return which of these ids of documents are postings' own."""
    found: set[str] = set()
    for lot in batched(sorted(ids), IDS_AT_ONCE):
        rows = Posting.objects.filter(xero_id__in=lot).values_list("xero_id", flat=True)
        found |= {each.lower() for each in rows}
    return found


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    contact = row.get("Contact")
    day = json_date(row.get("Date"))
    return {
        "number": str(row.get("InvoiceNumber") or row.get("CreditNoteNumber") or ""),
        "type": "Credit note" if row.get("CreditNoteID") else "Invoice",
        "date": day.isoformat() if day else "",
        "contact": str(contact.get("Name", "")) if isinstance(contact, dict) else "",
        "currency": str(row.get("CurrencyCode", "")),
        "total": str(row.get("Total", "")),
        "status": str(row.get("Status", "")),
    }
