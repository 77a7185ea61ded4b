"""Settings → Accounts, Taxes, Customers, PO numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from c3portal.audit.downloads import Download, download
from c3portal.audit.record import Action, record_changes
from c3portal.http.csv_response import as_csv
from c3portal.http.next_address import next_address
from c3portal.http.permissions import role_required
from c3portal.http.request_limits import takes_a_file
from c3portal.http.versions import changed_meanwhile
from c3portal.models import User, roles
from invoices.overrides.forms import OverridesFileForm, overrides_limit
from invoices.overrides.pages import Accounts, Customers, Orders, Page, Taxes, overridden
from invoices.overrides.rows import SHOWN, UNMAPPED, Row
from invoices.views.tables import OverrideTable, arrange
from xero_integration import connections
from xero_integration.models import XeroConnection, XeroSettings

BY_COUNT = "count"
PAGES: dict[str, type[Page]] = {"accounts": Accounts, "taxes": Taxes, "customers": Customers, "orders": Orders}


@takes_a_file(overrides_limit, *roles.FINANCE)
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.ALL)
def overrides(request: HttpRequest, kind: str) -> HttpResponse:
    """Show what has a default, and keep what is overridden or reverted; `q`, `show`, `pick` and `next` in the query."""
    connection = XeroConnection.objects.current()
    if connection is None:
        return render(request, "invoices/overrides/page.html", {"page": PAGES[kind], "next": next_address(request)})
    page = PAGES[kind](connection)
    if request.method != "POST":
        return _show(request, page)
    if roles.role_of(request.user) not in roles.FINANCE:
        raise PermissionDenied
    with transaction.atomic():
        XeroSettings.lock()
        # Read anew behind the lock, so that what it overrides and what the audit record says is what is there.
        return _post(request, PAGES[kind](connection))


@require_safe
@role_required(*roles.ALL)
@download
def overrides_csv(request: HttpRequest, kind: str) -> Download:
    """Download the overrides as the page takes them back."""
    connection = XeroConnection.objects.current()
    if connection is None:
        raise Http404(connections.NOT_CONNECTED)
    page = PAGES[kind](connection)
    return Download(as_csv(page.shown_columns, page.csv_rows()), f"{kind}.csv")


def _post(request: HttpRequest, page: Page) -> HttpResponse:
    if words := changed_meanwhile(request, page.version, Action.MAPPING, f"Settings → {page.title}"):
        return _show(request, page, refusals=[words])
    action = "revert" if "revert" in request.POST else request.POST.get("action", "")
    if action == "file":
        return _take_file(request, page)
    if action == "rule":
        return _add_rule(request, page)
    subjects = [row.subject for row in _selected(request, page)]
    if not subjects:
        messages.warning(request, "Nothing was selected.")
        return _back(request, page)
    if action == "revert":
        count = _save(request, page, [page.revert(each) for each in subjects], "reverted")
        messages.success(request, f"{_many(count)} reverted to the default.")
        return _back(request, page)
    form = page.form(request.POST)
    if not form.is_valid():
        return _show(request, page, form=form)
    return _keep(request, page, *overridden(page, subjects, form.cleaned_data), form=form)


def _add_rule(request: HttpRequest, page: Page) -> HttpResponse:
    form = page.rule_form(request.POST)
    if form is None:
        raise Http404("There is no such form.")
    if not form.is_valid():
        return _show(request, page, rule_form=form)
    return _keep(request, page, *overridden(page, [None], form.cleaned_data), rule_form=form)


def _take_file(request: HttpRequest, page: Page) -> HttpResponse:
    form = OverridesFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, page, file_form=form)
    changes, findings = page.read(form.cleaned_data["file"].read())
    if findings:
        return _show(request, page, findings=findings, file_form=form)
    return _keep(request, page, changes, [])


def _keep(
    request: HttpRequest, page: Page, changes: Sequence[Any], refusals: Sequence[str], **forms: Any
) -> HttpResponse:
    if refusals:
        return _show(request, page, refusals=refusals, **forms)
    how = "taken from a file" if "file" in request.FILES else "overridden"
    count = _save(request, page, changes, how)
    messages.success(request, f"{_many(count)} kept.")
    came_from = next_address(request)
    return redirect(came_from) if came_from else _back(request, page)


def _save(request: HttpRequest, page: Page, changes: Sequence[Any], how: str) -> int:
    """Keep the changes and record them. Returns how many."""
    before = page.kept()
    count = page.save(changes, cast(User, request.user))
    subject = f"Settings → {page.title}: {count:,} {how}"
    record_changes(request, Action.MAPPING, subject, before, page.kept())
    return count


def _many(count: int) -> str:
    return "1 override was" if count == 1 else f"{count:,} overrides were"


def _selected(request: HttpRequest, page: Page) -> list[Row[Any]]:
    """Return the rows that the form names: one to revert, all of the filter, or those that are ticked."""
    if "all" in request.POST and "revert" not in request.POST:
        return [row for row in _found(request, page.rows()) if row.may_override]
    keys = {request.POST["revert"]} if "revert" in request.POST else set(request.POST.getlist("row"))
    return [row for row in page.rows() if row.key in keys and row.may_override]


def _found(request: HttpRequest, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    search, shown = request.GET.get("q", "").strip(), request.GET.get("show", "")
    pick = request.GET.getlist("pick")
    return [row for row in rows if (row.key in pick if pick else row.is_shown(shown, search))]


def _back(request: HttpRequest, page: Page) -> HttpResponse:
    kept = {"q": request.GET.get("q", ""), "show": request.GET.get("show", ""), "next": next_address(request)}
    kept = {name: value for name, value in kept.items() if value}
    return redirect(f"{reverse(page.name)}?{urlencode(kept)}" if kept else page.name)


def _table(request: HttpRequest, page: Page, found: Sequence[Row[Any]], *, may_change: bool) -> OverrideTable:
    by_count = request.GET.get(OverrideTable.Meta.order_by_field, "").removeprefix("-") == BY_COUNT
    if by_count:
        counts = page.counts(found)
        found = [replace(row, count=counts.get(row.key, 0)) for row in found]
    table = OverrideTable(found, noun=page.noun, counted=page.counted, may_change=may_change)
    arrange(table, request)
    shown = [bound.record for bound in table.page.object_list]
    table.counts = {row.key: row.count for row in shown} if by_count else page.counts(shown)
    return table


def _show(request: HttpRequest, page: Page, **given: Any) -> HttpResponse:
    rows, may_change = page.rows(), roles.role_of(request.user) in roles.FINANCE
    search, found = request.GET.get("q", "").strip(), _found(request, rows)
    table = _table(request, page, found, may_change=may_change)
    pills = [
        {"shown": shown, "label": label, "count": sum(row.is_shown(shown, search) for row in rows)}
        for shown, label in SHOWN.items()
        if page.has_problems or shown != UNMAPPED
    ]
    context: dict[str, Any] = {
        "page": page,
        # What drifted is about accounts, taxes and themes.
        "document_context": page.context if page.has_problems else None,
        "table": table,
        "pills": pills,
        "search": search,
        "shown": request.GET.get("show", ""),
        "picked": request.POST.getlist("row") or request.GET.getlist("pick"),
        "can_all": sum(row.may_override for row in found) if may_change else 0,
        "next": next_address(request),
        "csv_url": request.path.rstrip("/") + ".csv",
        "file_form": OverridesFileForm(),
    }
    if may_change:
        context |= {"form": page.form(), "rule_form": page.rule_form(), "version": page.version}
    return render(request, "invoices/overrides/page.html", context | given)
