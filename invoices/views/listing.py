"""Analyze → Business → Download Invoice/Payments."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence, Set
from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet, Value
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from c3portal.database import clock
from c3portal.formats import amounts
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.attention import counting, in_short
from invoices.duplicates import comparison
from invoices.listing import choices, columns, running
from invoices.listing.columns import InvoiceTable
from invoices.listing.found import search_everywhere
from invoices.listing.lines import line
from invoices.listing.rows import READ, is_in_xero, is_on_the_way, rows_of
from invoices.models import BillingPeriod, Invoice, InvoiceLine, Posting
from invoices.models.billing import InvoiceQuerySet
from invoices.models.statuses import IN_PROGRESS
from invoices.posting import outdated, progress
from invoices.readback.states import XeroState
from invoices.selection import held_back, microsoft, periods
from invoices.selection.filters import FilterForm
from invoices.selection.selection import CHANGED, LOOKS_SAME, OUTDATED, RELATED, Selection, StateCount
from invoices.views.refreshing import refresh_seconds
from invoices.views.tables import arrange
from xero_integration.models import InvoiceStatus, XeroSettings

ALL_PERIODS = "all"
# The columns that say what became of an invoice in Xero.
_LIVE = ("state", "owed")
# More tabs than fit beside each other go into a menu.
TABS = 8
# What an invoice of the list may be besides its state.
_MARKS: dict[str, Callable[[QuerySet[Invoice]], InvoiceQuerySet]] = {
    LOOKS_SAME: comparison.undecided,
    OUTDATED: outdated.unposted,
}


@require_safe
@role_required(*roles.ALL)
def invoice_list(request: HttpRequest) -> HttpResponseBase:
    """Show the invoices of `period`, `q`, `state` and the filters, sorted by `sort`; with `period=all` what `q` finds
    in any period."""
    if request.GET.get("period") == ALL_PERIODS:
        return _everywhere(request)
    offered = periods.offered()
    selection = Selection.from_query(request.GET, offered)
    context = {
        "frame_periods": offered,
        "frame_period": periods.shown(request.GET.get("period", ""), offered),
        "attention_count": counting.known(offered),
        "selection": selection,
        "redirect_uri": f"{settings.PORTAL_URL}/",
        "xero_settings": XeroSettings.load(),
        **_attention(selection, offered),
    }
    if selection:
        context |= _of_selection(request, selection)
    return render(request, "invoices/list.html", context)


def _attention(selection: Selection | None, offered: list[BillingPeriod]) -> dict[str, Any]:
    """Return the line on what needs attention of the period, as last counted, and of files."""
    held = held_back.count_open()
    found = in_short.of(selection.period, offered) if selection else None
    count = held + (found.count if found else 0)
    template = "invoices/attention/_line.html" if count else ""
    return {"held_back": held, "needs_attention": found, "needing": count, "banner_line": template}


def _everywhere(request: HttpRequest) -> HttpResponseBase:
    term = request.GET.get("q", "").strip()
    page, rows = search_everywhere(term, request.GET.get("page", ""))
    return render(request, "invoices/listing/everywhere.html", {"term": term, "page": page, "rows": rows})


def _of_selection(request: HttpRequest, selection: Selection) -> dict[str, Any]:
    counts, totals = selection.summary()
    table = arrange(InvoiceTable(selection.invoices()), request, count=sum(each.count for each in totals))
    there = {each.state for each in counts if each.count}
    shown = _shown(table)
    at_work, refresh = _running(selection) if there & set(IN_PROGRESS) else ([], 0)
    marked = _marked(shown, there & _MARKS.keys())
    tabs = _tabs(selection, counts)
    chosen, sort = choices.of(cast(User, request.user)), columns.known_sort(request.GET.get("sort", ""))
    names = columns.shown(chosen.columns)
    billed_by = microsoft.numbers_of([each.pk for each in shown]) if "microsoft" in names else {}
    rows = list(rows_of(shown, looks_same=marked[LOOKS_SAME], outdated=marked[OUTDATED], billed_by=billed_by))
    may_change = roles.role_of(request.user) in roles.FINANCE
    return {
        "table": table,
        "headings": table.headings(names),
        "width": columns.width_of(names),
        "column_choices": [
            (name, label, name in names, name in columns.FIXED) for name, label in columns.CHOICES.items()
        ],
        "sort": sort,
        "views": choices.views(chosen, selection, sort),
        "may_save_view": bool(choices.query_of(selection, sort)),
        "rows": rows,
        "lines": [line(row, names, may_change=may_change, include_url=reverse("take_up_invoices")) for row in rows],
        "in_xero": Posting.Status.POSTED in there,
        "tabs": tabs[:TABS],
        "more_tabs": tabs[TABS:],
        "chips": selection.chips(),
        "kinds": InvoiceLine.Kind.choices,
        "owed_choices": FilterForm.OWED,
        "bill_to_choices": FilterForm.BILL_TO,
        "totals": totals,
        "owed": [each for each in totals if each.owed],
        "running": at_work,
        "refresh": refresh,
        "follows": _followed(selection, shown, names, is_running=bool(at_work)),
        "read_at": min((each.read_at for each in totals if each.read_at), default=None),
        "uploadable": sum(each.uploadable for each in totals),
        "sums": " · ".join(amounts.written(each.uploadable_total, each.currency) for each in totals if each.uploadable),
        "invoice_statuses": InvoiceStatus.choices,
    }


def _shown(table: Any) -> list[Invoice]:
    """Return the invoices of the page. Which they are is asked for within the query, by what they are sorted by alone:
    a database reads all that it sorts."""
    found, page = table.data.data, table.page
    first = (page.number - 1) * page.paginator.per_page
    keys = found.select_related(None).values("pk")[first : first + page.paginator.per_page]
    rows = Invoice.objects.filter(pk__in=keys).select_related(*RELATED).only(*READ)
    return list(rows.order_by(*found.query.order_by))


def _tabs(selection: Selection, counts: list[StateCount]) -> list[dict[str, Any]]:
    tabs = [
        {"label": each.label, "count": each.count, "current": current, "query": selection.query(state=each.state)}
        for each in counts
        if (current := each.state == selection.state) or each.count or not each.state
    ]
    # The one that is open is never hidden in the menu.
    place = next((place for place, tab in enumerate(tabs) if tab["current"]), 0)
    if place >= TABS:
        tabs.insert(TABS - 1, tabs.pop(place))
    return tabs


def _running(selection: Selection) -> tuple[list[progress.Line], int]:
    """Return the period's uploads under way, and the seconds until the page looks at them again."""
    now = clock.now()
    found = running.uploads(selection.period, now)
    return found, refresh_seconds((each.upload.connection for each in found), now)


def _followed(selection: Selection, shown: list[Invoice], names: Sequence[str], *, is_running: bool) -> list[str]:
    """Return the parts of the page that say what became of what is in Xero or on its way there, none where nothing
    is."""
    moving = [each.pk for each in shown if is_in_xero(each) or is_on_the_way(each)]
    if not moving and not is_running:
        return []
    # Where the filter is about that, rows come and go, and none of them can be ticked; else what is ticked stays.
    by_state = selection.state in XeroState or selection.state in (CHANGED, *IN_PROGRESS)
    cells = ["#listed"] if by_state else [f"#{name}-{pk}" for pk in moving for name in _LIVE if name in names]
    return ["#running", "#follows", "#totals", "#state-pills", "#read-at", *cells]


def _marked(shown: list[Invoice], marks: Set[str]) -> dict[str, set[uuid.UUID]]:
    """Return by mark which of the invoices shown have it; in one query, in none where no invoice has one of `marks`."""
    of_page = Invoice.objects.filter(pk__in=[each.pk for each in shown])
    found: dict[str, set[uuid.UUID]] = {mark: set() for mark in _MARKS}
    rows = [_MARKS[mark](of_page).order_by().values_list("pk", Value(mark)) for mark in marks]
    for pk, mark in rows[0].union(*rows[1:], all=True).order_by() if rows else ():
        found[mark].add(pk)
    return found
