"""What a billing period was billed for, by kind."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import DecimalField, Sum
from django.db.models.functions import Cast

from invoices.models import BillingPeriod, InvoiceLine

CENT = Decimal("0.01")


def by_kind(period: BillingPeriod, currency: str) -> list[tuple[str, Decimal]]:
    """Return what the period's lines come to, tax included, by kind, in one currency; those without any left out."""
    # Lines keep every digit as text, which a database cannot sum as it is.
    amount = Cast("total", DecimalField(max_digits=30, decimal_places=12))
    rows = (
        InvoiceLine.objects.filter(invoice__period=period, invoice__currency=currency)
        .order_by()
        .values("kind")
        .annotate(sum=Sum(amount))
    )
    sums = {row["kind"]: row["sum"].quantize(CENT) for row in rows}
    labels = [*InvoiceLine.Kind.choices, ("", "No kind yet")]
    return [(str(label), sums[kind]) for kind, label in labels if kind in sums]
