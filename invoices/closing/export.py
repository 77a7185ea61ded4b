"""A billing period as a file: every invoice with what became of it in Xero. The same data make the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal

from c3portal.http.csv_response import Cell, as_csv
from invoices.models import BillingPeriod, Invoice, Posting

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
    "XeroStatus",
    "XeroTotal",
    "AmountDue",
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
            _money(invoice.total),
            "excluded" if invoice.ignored_because else posting.status if posting else "not posted",
            invoice.number_in_xero if posting and posting.xero_id else "",
            posting.xero_id if posting else "",
            posting.xero_status if posting else "",
            _money(posting.xero_total if posting else None),
            _money(posting.amount_due if posting else None),
            invoice.ignored_because,
            str(invoice.ignored_by or ""),
        ]


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.2f}"
