"""Analyze → Business → Download Invoice/Payments."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.duplicates import comparison
from invoices.models import BillingPeriod, Invoice, Posting
from invoices.models.billing import InvoiceQuerySet
from invoices.posting import outdated
from invoices.readback.states import XeroState
from invoices.selection import held_back
from invoices.selection.selection import CHANGED, LOOKS_SAME, OUTDATED, Selection
from invoices.views.tables import InvoiceTable, arrange, is_in_xero
from xero_integration.models import InvoiceStatus, XeroSettings


@require_safe
@role_required(*roles.ALL)
def invoice_list(request: HttpRequest) -> HttpResponseBase:
    """Show the invoices of `period`, `q` and `state`, sorted by `sort`."""
    selection = Selection.from_query(request.GET)
    may_upload = roles.role_of(request.user) in roles.FINANCE
    xero_settings = XeroSettings.load()
    context = {
        "selection": selection,
        "periods": BillingPeriod.objects.all(),
        "xero_settings": xero_settings,
        "redirect_uri": f"{settings.PORTAL_URL}/",
        "invoice_statuses": InvoiceStatus.choices,
        "held_back": held_back.count_open(),
    }
    if selection:
        context |= _of_selection(request, selection, may_upload=may_upload)
    return render(request, "invoices/list.html", context)


def _of_selection(request: HttpRequest, selection: Selection, *, may_upload: bool) -> dict[str, Any]:
    table = arrange(InvoiceTable(selection.invoices(), may_upload=may_upload), request)
    counts, totals = selection.state_counts(), selection.totals()
    there = {each.state for each in counts if each.count}
    return {
        "table": table,
        "in_xero": Posting.Status.POSTED in there,
        "looks_same": _those_of(table, comparison.undecided) if LOOKS_SAME in there else (),
        "outdated": _those_of(table, outdated.unposted) if OUTDATED in there else (),
        "pills": [
            {"label": each.label, "count": each.count, "current": each.state == selection.state, "query": query}
            for each in counts
            if (query := selection.query(state=each.state))
        ],
        "totals": totals,
        "follows": _followed(selection, table),
        "read_at": min((each.read_at for each in totals if each.read_at), default=None),
        "uploadable": selection.invoices().uploadable().count() if may_upload else 0,
    }


def _followed(selection: Selection, table: InvoiceTable) -> list[str]:
    """Return the parts of the page that say what became of what is in Xero, none where nothing is."""
    posted = [row.record.pk for row in table.page.object_list if is_in_xero(row.record)]
    if not posted:
        return []
    # Where the filter is about that, rows come and go, and none of them can be ticked; else what is ticked stays.
    by_state = selection.state in XeroState or selection.state == CHANGED
    cells = ["#listed"] if by_state else [f"#{name}-{pk}" for pk in posted for name in ("state", "owed")]
    return ["#totals", "#state-pills", "#read-at", *cells]


def _those_of(table: InvoiceTable, which: Callable[[QuerySet[Invoice]], InvoiceQuerySet]) -> set[uuid.UUID]:
    """Return which invoices of the table's page are such ones."""
    shown = Invoice.objects.filter(pk__in=[row.record.pk for row in table.page.object_list])
    return set(which(shown).values_list("pk", flat=True))
