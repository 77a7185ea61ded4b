"""Closing what was held back, where no file will have it right."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.importing import closing
from invoices.models import HeldBackInvoice


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def held_back_close(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Ask, then close for `reason`."""
    held = get_object_or_404(HeldBackInvoice.objects.select_related("run"), pk=pk)
    if held.resolved_at:
        messages.warning(request, "It is closed already. Nothing changed.")
        return redirect("held_back")
    reason = request.POST.get("reason", "").strip()
    if 0 < len(reason) <= closing.LONGEST_REASON:
        if closing.close(held, reason, cast(User, request.user), source=request):
            messages.success(request, f"Closed: {held}.")
        return redirect("held_back")
    if request.method == "POST":
        messages.error(request, f"Say why, in at most {closing.LONGEST_REASON} characters. Nothing was closed.")
    return render(request, "invoices/held_back/close.html", {"held": held, "longest": closing.LONGEST_REASON})
