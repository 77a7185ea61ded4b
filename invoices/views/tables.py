"""The tables of the invoice pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import django_tables2 as tables
from django.http import HttpRequest
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from c3portal.formats import dates
from invoices.models import HeldBackInvoice, Invoice, Posting
from invoices.overrides.rows import Row

ROWS_A_PAGE = 50


def cell_classes(classes: str) -> dict[str, dict[str, str]]:
    """Return `attrs` that give a column's cells and header these classes of `portal.css`."""
    return {"td": {"class": classes}}


class DayColumn(tables.Column):  # type: ignore[misc]
    def render(self, value: dt.date) -> str:
        return dates.day(value)


class NumberColumn(tables.Column):  # type: ignore[misc]
    def render(self, record: Invoice) -> SafeString:
        return number_cell(record)


class CellColumn(tables.Column):  # type: ignore[misc]
    """A cell that `_table.html` renders from `template`, within the page's own context."""

    def __init__(self, template: str, **options: Any) -> None:
        super().__init__(**options)
        self.template = template


class PostingTable(tables.Table):  # type: ignore[misc]
    """What became of each invoice of an upload."""

    number = NumberColumn(accessor="invoice", verbose_name="Number", order_by=("by_number",))
    customer = tables.Column(accessor="invoice__customer", order_by=("invoice__customer__name", "invoice__number"))
    total = tables.Column(
        accessor="invoice__total", order_by=("invoice__total", "invoice__number"), attrs=cell_classes("amount")
    )
    status = CellColumn("invoices/_posting_state.html", verbose_name="State", order_by=("status", "invoice__number"))
    updated_at = CellColumn("invoices/_posting_time.html", verbose_name="Last change", order_by=("updated_at", "pk"))
    message = CellColumn(
        "invoices/_posting_message.html",
        verbose_name="Message",
        orderable=False,
        attrs=cell_classes("words"),
    )

    class Meta:
        order_by = "number"
        order_by_field = "sort"
        empty_text = "No invoice of this upload is in this state now."
        attrs = {"class": "table table-hover", "caption": "Invoices of the upload"}

    def render_number(self, record: Posting) -> SafeString:
        return number_cell(record.invoice)

    def render_customer(self, record: Posting) -> SafeString:
        return format_html("{}{}", record.invoice.customer, _bill_to(record.invoice))

    def render_total(self, record: Posting) -> SafeString:
        return money_cell(record.invoice)


class OverrideTable(tables.Table):  # type: ignore[misc]
    """What has a default, and what it comes to now."""

    tick = CellColumn("invoices/overrides/_tick.html", empty_values=(), orderable=False, attrs=cell_classes("tick"))
    number = CellColumn("invoices/overrides/_subject.html", accessor="title", order_by=("title", "detail"))
    count = tables.Column(order_by=("count", "title"), attrs=cell_classes("amount wide-only"))
    default = tables.Column(order_by=("default", "title"), attrs=cell_classes("wide-only"))
    applies = CellColumn("invoices/overrides/_applies.html", order_by=("applies", "title"), attrs=cell_classes("words"))
    action = CellColumn("invoices/overrides/_action.html", empty_values=(), orderable=False)

    class Meta:
        order_by_field = "sort"
        empty_text = "Nothing fits the search and the filter."
        attrs = {"class": "table table-hover", "caption": "Overrides"}

    def __init__(self, rows: Sequence[Row[Any]], *, noun: str, counted: str, may_change: bool) -> None:
        super().__init__(rows, exclude=() if may_change else ("tick", "action"))
        self.columns["number"].column.verbose_name = noun
        self.columns["count"].column.verbose_name = counted
        # By key, of the rows that are shown.
        self.counts: Mapping[str, int] = {}

    def render_count(self, record: Row[Any]) -> str:
        return f"{self.counts.get(record.key, 0):,}"


def _bill_to(invoice: Invoice, extra: str = "") -> SafeString | str:
    """Return the reseller as a second line of the customer's cell, "" without one."""
    return format_html('<span class="sub {}">Bill to {}</span>', extra, invoice.bill_to) if invoice.bill_to else ""


def number_cell(invoice: Invoice) -> SafeString:
    """Return the number as a link to the invoice, both numbers when Xero knows it by another."""
    other = format_html('<span class="sub">In Xero: {}</span>', breakable(invoice.number_in_xero))
    credit = mark_safe('<span class="sub">Credit note</span>')
    return format_html(
        '<a href="{}">{}</a>{}{}',
        reverse("invoice", args=[invoice.pk]),
        breakable(invoice.number),
        other if invoice.number_in_xero != invoice.number else "",
        credit if invoice.is_credit_note else "",
    )


def money_cell(of: Invoice | HeldBackInvoice) -> SafeString:
    """Return a total to the cent after its quiet currency code."""
    return format_html('<span class="quiet">{}</span> {}', of.currency, floatformat(of.total, "2g"))


def breakable(number: str) -> SafeString:
    """Return the number so that it wraps behind its underscores only."""
    return format_html_join(mark_safe("_<wbr>"), "{}", ((part,) for part in number.split("_")))


def arrange(
    table: tables.Table, request: HttpRequest, *, rows: int = ROWS_A_PAGE, count: int | None = None
) -> tables.Table:
    """Sort and page `table` as the request's `sort` and `page` say; the last page for one that is not there. `count` is
    how many rows it has, where that is known."""
    if count is not None:
        # What the table would ask the database for.
        table.data._length = count
    tables.RequestConfig(request, paginate=False).configure(table)
    # The table's own way lets a request say how many rows a page has: all of them, or none.
    table.paginate(per_page=rows)
    table.page = table.paginator.get_page(request.GET.get(table.prefixed_page_field))
    return table
