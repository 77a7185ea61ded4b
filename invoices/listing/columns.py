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
    """A column's head: a click sorts by `next_sort`, "" for nothing; `direction` is ascending, descending or ""."""

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
    # Its lines name it, of which there are many: nothing to sort by.
    microsoft = tables.Column(verbose_name="Microsoft invoice", empty_values=(), orderable=False)
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


# Whoever wants to see less or more chooses (choices.py).
FIXED = ("customer", "number", "total")
USUAL = ("customer", "number", "due_on", "total", "state", "owed")
CHOICES = {name: column.verbose_name or name.capitalize() for name, column in InvoiceTable.base_columns.items()}
_AMOUNTS = {"subtotal", "tax", "total", "owed"}
# What each needs at least, in rem, and the classes of what all of them need (pages/list.css).
_LEAST = {
    "customer": 10,
    "number": 12,
    "issued_on": 6.5,
    "due_on": 6.5,
    "billed_to": 9,
    "purchase_order": 8,
    "microsoft": 9,
    "currency": 5,
    "subtotal": 8,
    "tax": 7,
    "total": 9.5,
    "state": 9,
    "owed": 9,
}
_ROOM = {"": 56, "full": 64, "wide": 70, "wider": 86}


def shown(chosen: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that are shown to who chose these, in the table's order; the usual ones where none is
    chosen."""
    wanted = {*chosen}
    return tuple(name for name in CHOICES if name in wanted or name in FIXED) if wanted else USUAL


def width_of(names: Iterable[str]) -> str:
    """Return the class of a table with these columns."""
    needed = sum(_LEAST[name] for name in names)
    return next((words for words, room in _ROOM.items() if needed <= room), "widest")


def known_sort(sort: str) -> str:
    """Return what a list is sorted by if that is a column, "" otherwise."""
    column = InvoiceTable.base_columns.get(sort.removeprefix("-"))
    return sort if column is not None and column.orderable is not False else ""


def _heading(column: Any) -> Heading:
    direction = ""
    if column.is_ordered:
        direction = "descending" if column.order_by_alias.is_descending else "ascending"
    classes = f"col-{column.name.replace('_', '-')}" + (" amount" if column.name in _AMOUNTS else "")
    next_sort = column.order_by_alias.next if column.orderable else ""
    return Heading(column.name, column.header, classes, next_sort, direction)
