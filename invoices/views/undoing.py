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
from invoices.models import ImportRun


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def import_undo(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Ask, then take back; with `rest`, all that nothing stands in the way of."""
    run = get_object_or_404(ImportRun, pk=pk)
    if not run.may_be_undone:
        messages.warning(request, "Only an import that came in, or still holds invoices back, can be undone.")
        return redirect(run)
    if request.method != "POST":
        return render(request, "invoices/imports/undo.html", {"run": run})
    undone = undo_import(run, user=cast(User, request.user), source=request, rest="rest" in request.POST)
    if not undone.is_done:
        return render(request, "invoices/imports/undo.html", {"run": run, "undone": undone})
    messages.success(request, _words(undone))
    return redirect(run)


def _words(undone: Undone) -> str:
    deleted, restored = texts.invoices(undone.deleted), texts.invoices(undone.restored)
    words = f"Taken back: {deleted} deleted, {restored} put back as before."
    if undone.in_the_way_count:
        words += f" {texts.invoices(undone.in_the_way_count)} had to stay."
    return words
