"""Documents that somebody posted by hand before: whether one is the invoice's, and the move that says so.

No call that writes is made here or by whoever comes here: what is in Xero stays as it is.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet

from c3portal.telemetry import tracing
from invoices.duplicates import comparison
from invoices.importing import locks
from invoices.models import DocumentType, Invoice, PastDocument, Posting, Upload
from invoices.posting import balances, outdated, ownership, sent_facts, transitions
from invoices.posting.responses import KINDS, Recorded, recorded
from xero_integration.client import shapes
from xero_integration.client.vocabulary import GONE
from xero_integration.models import XeroConnection
from xero_integration.payloads import Document

if TYPE_CHECKING:
    from c3portal.models import User

NOTHING = Decimal(0)
LINKED = "Linked to the document that was in Xero already."
# By invoice id, the document as Xero shows it.
Documents = Mapping[uuid.UUID, Mapping[str, Any]]


def is_same(document: Document, row: Mapping[str, Any]) -> bool:
    """Whether Xero's document (`row`, with its lines) has the contact, currency and total of what would be sent, and
    lines of the same amounts and taxes, in whatever order and words. What bears a marker the portal wrote itself, for
    this invoice or another."""
    contact_id = str((row.get("Contact") or {}).get("ContactID") or "")
    return (
        bool(document.contact_id)
        and contact_id.lower() == document.contact_id.lower()
        and row.get("CurrencyCode") == document.currency
        and balances.amount(row.get("Total")) == document.total
        and row.get("Status") not in GONE
        and not ownership.markers_of(row)
        and _lines_in_xero(row) == _lines(document)
    )


def _lines(document: Document) -> Counter[tuple[Decimal, Decimal]]:
    amounts = ((line.line_amount, line.tax_amount) for line in document.lines)
    return Counter((net, tax) for net, tax in amounts if net or tax)


def _lines_in_xero(row: Mapping[str, Any]) -> Counter[tuple[Decimal, Decimal]]:
    """Return how often there is a line of which amount without tax, and which tax; lines of words alone left out."""
    found: Counter[tuple[Decimal, Decimal]] = Counter()
    for line in shapes.objects(row.get("LineItems")):
        amount = balances.amount(line.get("LineAmount")) or NOTHING
        tax = balances.amount(line.get("TaxAmount")) or NOTHING
        net = amount - tax if row.get("LineAmountTypes") == "Inclusive" else amount
        if net or tax:
            found[net, tax] += 1
    return found


def held_by_postings(connection: XeroConnection, xero_ids: set[str]) -> set[str]:
    """Return which of these documents a posting has."""
    rows = Posting.objects.filter(connection=connection, xero_id__in=xero_ids)
    return set(rows.values_list("xero_id", flat=True))


def _ended_here(xero_ids: set[str]) -> set[str]:
    """Return which of these documents a posting had until they ended, whatever an earlier look showed."""
    rows = PastDocument.objects.filter(xero_id__in=xero_ids, status__in=GONE)
    return set(rows.values_list("xero_id", flat=True))


def may_be_linked(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return those that could be posted now, so that nothing of them is in Xero or on its way there."""
    waiting = ~comparison.waits_for_decision(), ~outdated.waits_for_file()
    return Invoice.objects.filter(pk__in=invoices.order_by().values("pk")).uploadable().filter(*waiting)


def mark_linked(
    invoices: QuerySet[Invoice],
    documents: Documents,
    *,
    connection: XeroConnection,
    user: User | None,
    invoice_status: str,
) -> Upload | None:
    """Mark those of `invoices` that have a document in Xero as posted, each once, and return under which upload; None
    when none of them moved. Who comes second finds nothing to move, and no document is ever two postings'."""
    with transaction.atomic():
        locks.hold(invoices)
        free = may_be_linked(invoices).filter(pk__in=list(documents)).order_by("number")
        found = {each: one for each in free if (one := recorded(KINDS[_kind(each)], documents[each.pk]))}
        ids = {one.xero_id for one in found.values()}
        held = held_by_postings(connection, ids) | _ended_here(ids)
        found = {each: one for each, one in found.items() if one.xero_id not in held}
        if not found:
            return None
        upload = Upload.objects.create(
            connection=connection, created_by=user, invoice_status=invoice_status, trace_id=tracing.current_id()
        )
        for invoice, document in found.items():
            facts = _facts(invoice, document, documents[invoice.pk])
            values = {"connection": connection, "upload": upload, "document_type": _kind(invoice), **facts}
            Posting.objects.update_or_create(invoice=invoice, defaults=values)
        transitions.note_posted(upload, user)
    return upload


def _kind(invoice: Invoice) -> DocumentType:
    return DocumentType.CREDIT_NOTE if invoice.is_credit_note else DocumentType.INVOICE


def _number(invoice: Invoice, row: Mapping[str, Any]) -> str:
    number = ownership.number_of(row)
    return "" if number.lower() == invoice.xero_number.lower() else number


def _facts(invoice: Invoice, document: Recorded, row: Mapping[str, Any]) -> dict[str, Any]:
    balance = document.balance
    return {
        "status": Posting.Status.POSTED,
        "submission": None,
        "batch_cap": None,
        "not_before": None,
        "is_number_taken": False,
        "message": LINKED,
        "number": _number(invoice, row),
        "xero_id": document.xero_id,
        "xero_status": document.status,
        "xero_total": document.total,
        "amount_due": balance.due,
        "amount_paid": balance.paid,
        "amount_credited": balance.credited,
        "paid_off_on": balance.paid_off_on,
        "sent_to_contact": balance.sent_to_contact,
        "xero_updated_at": balance.updated_at,
        # Whoever links keeps the document's parts, and as of when.
        "read_at": None,
        "sent_facts": sent_facts.as_shown(row),
    }
