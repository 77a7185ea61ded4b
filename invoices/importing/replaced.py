"""An invoice as it was before an import changed it, kept for taking that import back."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Count

from invoices.models import ImportRun, Invoice, InvoiceLine, ReplacedInvoice

# What an import writes of an invoice, its number apart.
INVOICE_FIELDS = (
    "period_id",
    "customer_id",
    "bill_to_id",
    "issued_on",
    "due_on",
    "currency",
    "subtotal",
    "tax",
    "total",
    "exact_total",
    "service_start",
    "service_end",
    "billed_hash",
    "charges_hash",
    "keyless_hash",
    "named_hash",
    "purchase_order",
    "import_run_id",
    "source_hash",
    "difference",
    "imported_at",
)
LINE_FIELDS = tuple(
    each.attname for each in InvoiceLine._meta.concrete_fields if each.attname not in ("id", "invoice_id")
)
LINES_AT_ONCE = 250


def keep(run: ImportRun, invoices: Sequence[Invoice]) -> None:
    """Keep how these invoices are stored, their lines included."""
    for keys in _few_lines_at_once([invoice.pk for invoice in invoices]):
        lines: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
        rows = InvoiceLine.objects.filter(invoice__in=keys).order_by("invoice_id", "position")
        for pk, *values in rows.values_list("invoice_id", *LINE_FIELDS):
            lines[pk].append(dict(zip(LINE_FIELDS, map(_plain, values), strict=True)))
        ReplacedInvoice.objects.bulk_create(
            ReplacedInvoice(run=run, invoice_id=pk, before={"invoice": fields, "lines": lines[pk]})
            for pk, fields in _fields_of(keys)
        )


def _few_lines_at_once(keys: list[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    rows = InvoiceLine.objects.filter(invoice__in=keys).order_by().values_list("invoice_id")
    counts = dict(rows.annotate(Count("pk")))
    batch: list[uuid.UUID] = []
    lines = 0
    for key in keys:
        if batch and lines + counts.get(key, 0) > LINES_AT_ONCE:
            yield batch
            batch, lines = [], 0
        batch.append(key)
        lines += counts.get(key, 0)
    if batch:
        yield batch


def _fields_of(keys: list[uuid.UUID]) -> Iterator[tuple[uuid.UUID, dict[str, Any]]]:
    """Yield the invoices' fields as JSON keeps them: money and dates as text."""
    for pk, *values in Invoice.objects.filter(pk__in=keys).values_list("pk", *INVOICE_FIELDS):
        yield pk, dict(zip(INVOICE_FIELDS, map(_plain, values), strict=True))


def put_back(replaced: ReplacedInvoice) -> None:
    """Write the invoice as it was."""
    before = replaced.before
    invoice = Invoice(pk=replaced.invoice_id)
    # What was kept before these were there: backfill.py makes them anew.
    unknown = {"charges_hash": None, "keyless_hash": None, "named_hash": None}
    Invoice.objects.filter(pk=invoice.pk).update(**unknown | before["invoice"])
    InvoiceLine.objects.filter(invoice=invoice).delete()
    InvoiceLine.objects.bulk_create([InvoiceLine(invoice=invoice, **line) for line in before["lines"]], batch_size=500)


def customers() -> set[int]:
    """Return whom invoices go back to when imports are undone, as their customers or as who is billed."""
    named = ("before__invoice__customer_id", "before__invoice__bill_to_id")
    pairs = ReplacedInvoice.objects.order_by().values_list(*named).distinct()
    return {key for pair in pairs.iterator() for key in pair if key is not None}


def plain_fields(invoice: Invoice, names: Sequence[str]) -> dict[str, Any]:
    """Return these fields of an invoice as JSON keeps them."""
    return {name: _plain(getattr(invoice, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, uuid.UUID) else value
