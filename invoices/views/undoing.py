"""Taking back what an import brought."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.notifications import texts
from invoices.importing.undo import Undone, undo_import
from invoices.models import ImportRun, Invoice
from invoices.selection.selection import CurrencyTotal, totals


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def import_undo(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Ask, then take back; with `rest`, all that nothing stands in the way of."""
    run = get_object_or_404(ImportRun, pk=pk)
    if not run.may_be_undone:
        messages.warning(request, "Only an import that came in, or still holds invoices back, can be undone.")
        return redirect(run)
    if request.method != "POST":
        return render(request, "invoices/imports/undo.html", {"run": run, "shares": _shares(run)})
    undone = undo_import(run, user=cast(User, request.user), source=request, rest="rest" in request.POST)
    if not undone.is_done:
        return render(request, "invoices/imports/undo.html", {"run": run, "undone": undone})
    messages.success(request, _words(undone))
    return redirect(run)


def _shares(run: ImportRun) -> list[tuple[str, int, list[CurrencyTotal]]]:
    """Return what happens to which invoices of an import: in words, how many, and their totals as they are now."""
    changed = Invoice.objects.filter(pk__in=run.replaced.values("invoice")).exclude(import_run=run)
    shares = (("To be deleted", run.invoices.all()), ("To be put back as before", changed))
    return [(words, sum(each.count for each in found), found) for words, rows in shares if (found := totals(rows))]


def _words(undone: Undone) -> str:
    deleted, restored = texts.invoices(undone.deleted), texts.invoices(undone.restored)
    words = f"Taken back: {deleted} deleted, {restored} put back as before."
    if undone.in_the_way_count:
        words += f" {texts.invoices(undone.in_the_way_count)} had to stay."
    return words
