"""Microsoft's own invoices, which the lines of C3's files name."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable

from invoices.models import InvoiceLine

_FIELD = "source__ProviderInvoiceNumber"


def numbers_of(invoices: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    """Return which of Microsoft's invoices the lines of each name, in one query; those without any are left out."""
    lines = InvoiceLine.objects.filter(invoice__in=invoices).order_by()
    found: dict[uuid.UUID, set[str]] = defaultdict(set)
    for invoice, number in lines.values_list("invoice", _FIELD).distinct():
        if number:
            found[invoice].add(str(number))
    return {invoice: sorted(numbers) for invoice, numbers in found.items()}
