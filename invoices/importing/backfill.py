"""Gives invoices of earlier releases what the importer notes of new ones: the fingerprint of what was billed, the exact
sum, and the days that are charged for."""

from __future__ import annotations

import itertools
import uuid
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from invoices.importing import locks
from invoices.importing.customer_keys import Key
from invoices.importing.fingerprint import Billed
from invoices.importing.parser import EXACT
from invoices.importing.spelling import plain
from invoices.models import Invoice, InvoiceLine

AT_ONCE = 200
# Corrections bill nothing of their own, and are like nothing.
_LACKING = (Q(billed_hash="") | Q(charges_hash=None)) & Q(corrects=None)
_FILLED = [
    *("service_start", "service_end", "exact_total"),
    *("billed_hash", "charges_hash", "keyless_hash", "named_hash"),
]


def fill(most: int | None = None) -> int:
    """Fill in what is missing, of at most so many invoices, and return of how many."""
    keys = Invoice.objects.filter(_LACKING).order_by("pk").values_list("pk", flat=True)[:most]
    filled = 0
    for chunk in itertools.batched(list(keys), AT_ONCE):
        filled += _fill(chunk)
    return filled


def _fill(keys: Sequence[uuid.UUID]) -> int:
    # Whoever changes an invoice meanwhile has noted all of this.
    with transaction.atomic():
        rows = Invoice.objects.filter(_LACKING, pk__in=keys).order_by("pk")
        locks.hold(rows)
        invoices = list(rows.select_related("customer", "period"))
        billed, exact = _gathered([invoice.pk for invoice in invoices])
        for invoice in invoices:
            days = invoice.period.starts_on, invoice.period.ends_on
            lines = billed[invoice.pk]
            invoice.service_start, invoice.service_end = lines.service_days(days)
            key = Key(invoice.customer.tenant_id, invoice.customer.key_from)
            for name, value in lines.hashes(key, invoice.customer.name, invoice.currency, days).items():
                setattr(invoice, name, value)
            invoice.exact_total = exact[invoice.pk]
        Invoice.objects.bulk_update(invoices, _FILLED)
    return len(invoices)


def _gathered(keys: Sequence[uuid.UUID]) -> tuple[dict[uuid.UUID, Billed], dict[uuid.UUID, Decimal]]:
    billed: dict[uuid.UUID, Billed] = defaultdict(Billed)
    exact: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    lines = InvoiceLine.objects.filter(invoice__in=keys).order_by()
    columns = ("invoice_id", "charge_start", "charge_end", "sku", "quantity", "subtotal", "tax", "total")
    for pk, start, end, sku, quantity, subtotal, tax, total in lines.values_list(*columns).iterator():
        amounts = plain(quantity), plain(subtotal), plain(tax), plain(total)
        billed[pk].add(start, end, sku, amounts)
        exact[pk] = EXACT.add(exact[pk], EXACT.add(subtotal, tax))
    return billed, exact
