"""Invoices that did not come in while the others of their file did."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from c3portal.audit.downloads import Download, download
from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.models import HeldBackInvoice, ImportFinding
from invoices.selection import held_back
from invoices.selection.held_back import STATES, HeldBackFilter
from invoices.views.tables import CellColumn, arrange, cell_classes, money_cell

REASONS_SHOWN = 3


class HeldBackTable(tables.Table):  # type: ignore[misc]
    """Held back invoices, and why."""

    number = tables.Column(order_by=("number", "pk"), empty_values=(None,))
    customer = tables.Column(accessor="customer_name", order_by=("customer_name", "number", "pk"))
    billing = tables.Column(
        accessor="billing_id",
        verbose_name="BillingId",
        order_by=("billing_id", "number", "pk"),
        attrs=cell_classes("day"),
    )
    total = tables.Column(order_by=("total", "pk"), attrs=cell_classes("amount"))
    why = tables.Column(empty_values=(), orderable=False, attrs=cell_classes("words"))
    run = CellColumn(
        "invoices/held_back/_run.html",
        verbose_name="Import",
        order_by=("-run", "number", "pk"),
        attrs=cell_classes("words"),
    )

    class Meta:
        order_by = "run"
        order_by_field = "sort"
        empty_text = "No invoice fits this filter."
        attrs = {"class": "table table-hover", "caption": "Held back invoices"}

    def __init__(self, invoices: QuerySet[HeldBackInvoice]) -> None:
        super().__init__(invoices)
        # Of the page that is shown, once that is known.
        self.reasons: dict[tuple[int, str], list[ImportFinding]] = {}

    def render_number(self, value: str) -> str:
        return value or "without a number"

    def render_total(self, record: HeldBackInvoice) -> SafeString:
        return money_cell(record)

    def render_why(self, record: HeldBackInvoice) -> SafeString:
        reasons = self.reasons.get((record.run_id, record.number), [])
        lines = format_html_join("", "<li>{}</li>", ((str(each),) for each in reasons[:REASONS_SHOWN]))
        more = len(reasons) - REASONS_SHOWN
        rest = format_html("<li>and {} more</li>", more) if more > 0 else ""
        return format_html('<ul class="plain">{}{}</ul>', lines, rest)


@require_safe
@role_required(*roles.ALL)
def held_back_list(request: HttpRequest) -> HttpResponseBase:
    """List what was held back, of `billing`, `run`, `field` and `state`."""
    chosen = HeldBackFilter.from_query(request.GET)
    table = arrange(HeldBackTable(chosen.invoices()), request)
    table.reasons = held_back.reasons_of(row.record for row in table.page.object_list)
    context = {
        "chosen": chosen,
        "query": chosen.query(),
        "table": table,
        "pills": _pills(chosen),
        "billing_ids": held_back.billing_ids(),
        "fields": held_back.fields(),
        "superseded": held_back.SUPERSEDED,
    }
    return render(request, "invoices/held_back/page.html", context)


def _pills(chosen: HeldBackFilter) -> list[dict[str, Any]]:
    return [
        {"label": STATES[state], "count": count, "current": state == chosen.state, "query": chosen.query(state=state)}
        for state, count in chosen.counts().items()
    ]


@require_safe
@role_required(*roles.ALL)
@download
def held_back_csv(request: HttpRequest) -> Download:
    """Download what the list shows, one row for each reason."""
    return Download(held_back.held_back_csv(HeldBackFilter.from_query(request.GET)), "held-back.csv")
