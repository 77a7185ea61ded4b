"""The payments that Xero holds against posted invoices, kept for the download."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.http import http_date

from c3portal.database import clock
from invoices.models import DocumentType, Payment, Posting
from invoices.posting.balances import amount
from xero_integration import connections
from xero_integration.client.gateway import Gateway
from xero_integration.client.vocabulary import PaymentStatus
from xero_integration.models import XeroConnection
from xero_integration.reference import json_date

PAGE = 1000


def read(connection: XeroConnection) -> int:
    """Read what changed of the payments since the last time, one call for each 1,000; return how many are ours.
    Raises XeroUnavailable and XeroAuthError."""
    began = clock.now()
    rows = connections.call(connection, lambda gateway: _changed(connection, gateway))
    with transaction.atomic():
        kept = _store(connection, rows)
        XeroConnection.objects.filter(pk=connection.pk).update(payments_read_at=began)
    return kept


def _changed(connection: XeroConnection, gateway: Gateway) -> list[dict[str, Any]]:
    since = (
        {"If-Modified-Since": http_date(connection.payments_read_at.timestamp())} if connection.payments_read_at else {}
    )
    rows: list[dict[str, Any]] = []
    page = 1
    while True:
        some = gateway.read_list("Payments", {"page": page, "pageSize": PAGE}, headers=since)
        rows += some
        if len(some) < PAGE:
            return rows
        page += 1


def _store(connection: XeroConnection, rows: list[dict[str, Any]]) -> int:
    postings = dict(
        Posting.objects.filter(connection=connection, document_type=DocumentType.INVOICE)
        .exclude(xero_id="")
        .values_list("xero_id", "pk")
    )
    deleted = [row.get("PaymentID") for row in rows if row.get("Status") == PaymentStatus.DELETED]
    Payment.objects.filter(payment_id__in=deleted).delete()
    # A payment that changes while the pages are read is on two of them.
    payments = list({each.payment_id: each for row in rows if (each := _payment(row, postings))}.values())
    Payment.objects.bulk_create(
        payments,
        update_conflicts=True,
        unique_fields=["payment_id"],
        update_fields=["paid_on", "amount", "reference"],
        batch_size=500,
    )
    return len(payments)


def _payment(row: dict[str, Any], postings: dict[str, int]) -> Payment | None:
    posting = postings.get(str((row.get("Invoice") or {}).get("InvoiceID")))
    paid_on, paid = json_date(row.get("Date")), amount(row.get("Amount"))
    if posting is None or paid_on is None or paid is None or row.get("Status") == PaymentStatus.DELETED:
        return None
    return Payment(
        posting_id=posting,
        payment_id=str(row["PaymentID"]),
        paid_on=paid_on,
        amount=paid,
        reference=str(row.get("Reference") or "")[:255],
    )
