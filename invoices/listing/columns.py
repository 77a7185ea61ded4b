"""The columns of the list: what each is called, how it sorts, and which are shown unless someone chose others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet

from invoices.models import Invoice


@dataclass(frozen=True)
class Heading:
    """A column's head: `next_sort` is what a click sorts by, `direction` ascending, descending or ""."""

    name: str
    label: str
    classes: str
    next_sort: str
    direction: str


class InvoiceTable(tables.Table):  # type: ignore[misc]
    """Sorts and pages the list; `templates/invoices/listing/_rows.html` writes its cells."""

    customer = tables.Column(order_by=("customer__name", "number"))
    number = tables.Column(order_by=("number",))
    issued_on = tables.Column(verbose_name="Issued", order_by=("issued_on", "number"))
    due_on = tables.Column(verbose_name="Due", order_by=("due_on", "number"))
    billed_to = tables.Column(verbose_name="Bill to", order_by=("bill_to__name", "customer__name", "number"))
    purchase_order = tables.Column(verbose_name="PO number", order_by=("purchase_order", "number"))
    currency = tables.Column(order_by=("currency", "number"))
    subtotal = tables.Column(order_by=("subtotal", "number"))
    tax = tables.Column(order_by=("tax", "number"))
    total = tables.Column(order_by=("total", "number"))
    state = tables.Column(verbose_name="In Xero", empty_values=(), order_by=("posting__status", "number"))
    owed = tables.Column(empty_values=(), order_by=("posting__amount_due", "number"))

    class Meta:
        order_by = "customer"
        order_by_field = "sort"

    def __init__(self, invoices: QuerySet[Invoice]) -> None:
        super().__init__(invoices)

    def headings(self, shown: Iterable[str]) -> list[Heading]:
        """Return the heads of the columns `shown`, in the table's order."""
        wanted = {*shown}
        return [_heading(column) for column in self.columns if column.name in wanted]


# Whoever wants to see less or more chooses (Columns).
FIXED = ("customer", "total", "state")
USUAL = ("customer", "number", "due_on", "total", "state", "owed")
CHOICES = {name: column.verbose_name or name.capitalize() for name, column in InvoiceTable.base_columns.items()}
_AMOUNTS = {"subtotal", "tax", "total", "owed"}


def _heading(column: Any) -> Heading:
    direction = ""
    if column.is_ordered:
        direction = "descending" if column.order_by_alias.is_descending else "ascending"
    classes = f"col-{column.name.replace('_', '-')}" + (" amount" if column.name in _AMOUNTS else "")
    return Heading(column.name, column.header, classes, column.order_by_alias.next, direction)
