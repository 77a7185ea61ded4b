"""The invoices before and after one in the list of its billing period."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from invoices.models import Invoice

# As the list is sorted unless someone says otherwise (`listing.columns.InvoiceTable`).
ORDER = ("customer__name", "number")


def marked(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return `invoices`, each with the ids of its neighbours: `previous_id` and `next_id`, None at either end."""
    return invoices.annotate(previous_id=Subquery(_first("lt")), next_id=Subquery(_first("gt")))


def _first(side: str) -> QuerySet[Invoice, Any]:
    name, number = (OuterRef(field) for field in ORDER)
    beyond = Q(**{f"customer__name__{side}": name}) | Q(**{"customer__name": name, f"number__{side}": number})
    nearest = ORDER if side == "gt" else [f"-{field}" for field in ORDER]
    return Invoice.objects.filter(beyond, period=OuterRef("period_id")).order_by(*nearest).values("pk")[:1]
