"""A billing period as a file: every invoice with what became of it in Xero. The same data make the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal

from c3portal.http.csv_response import Cell, as_csv
from invoices.models import BillingPeriod, Invoice, Posting
from invoices.readback.states import is_gone

CENT = Decimal("0.01")

# What goes on changing once a period is closed, as payments do, is not among them.
COLUMNS = (
    "InvoiceNumber",
    "Customer",
    "Issued",
    "Due",
    "Currency",
    "Total",
    "State",
    "XeroNumber",
    "XeroID",
    "XeroTotal",
    "Excluded",
    "ExcludedBy",
)


def period_csv(period: BillingPeriod) -> Iterator[str]:
    """Yield the file, ordered by number; nothing in it tells when it was made."""
    return as_csv(COLUMNS, _rows(period))


def checksum(period: BillingPeriod) -> str:
    """Return the SHA-256 of the file's bytes (UTF-8), as `sha256sum` says it."""
    digest = hashlib.sha256()
    for piece in period_csv(period):
        digest.update(piece.encode())
    return digest.hexdigest()


def _rows(period: BillingPeriod) -> Iterator[list[Cell]]:
    invoices = Invoice.objects.filter(period=period).select_related("customer", "posting", "ignored_by")
    for invoice in invoices.order_by("number").iterator(chunk_size=1000):
        posting: Posting | None = getattr(invoice, "posting", None)
        yield [
            invoice.number,
            str(invoice.customer),
            invoice.issued_on,
            invoice.due_on,
            invoice.currency,
            invoice.total.quantize(CENT),
            "excluded" if invoice.ignored_because else _state(posting),
            invoice.number_in_xero if posting and posting.xero_id else "",
            posting.xero_id if posting else "",
            _told(invoice, posting),
            invoice.ignored_because,
            str(invoice.ignored_by or ""),
        ]


def _state(posting: Posting | None) -> str:
    if posting is None:
        return "not posted"
    return "gone from Xero" if is_gone(posting) else str(posting.status)


def _told(invoice: Invoice, posting: Posting | None) -> Decimal | None:
    """Return the document's total with the sign of its invoice's: Xero tells that of a credit note without."""
    if posting is None or posting.xero_total is None:
        return None
    told = posting.xero_total.quantize(CENT)
    return -told if invoice.is_credit_note else told
