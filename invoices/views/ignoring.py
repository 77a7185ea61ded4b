"""Set invoices aside that must not go to Xero, and take them up again."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.notifications import texts
from invoices.models.billing import InvoiceQuerySet
from invoices.selection import ignoring
from invoices.selection.selection import Selection


@require_POST
@role_required(*roles.FINANCE)
def ignore(request: HttpRequest) -> HttpResponseBase:
    """Set aside the ticked invoices (`invoice`), or with `all` every one of the filter, for `reason`."""
    selection = Selection.from_query(request.POST)
    if selection is None:
        return redirect("invoice_list")
    reason = request.POST.get("reason", "").strip()
    if not 0 < len(reason) <= ignoring.LONGEST_REASON:
        messages.error(request, f"Say why, in at most {ignoring.LONGEST_REASON} characters. Nothing was set aside.")
        return _back(request, selection)
    count = ignoring.ignore(_asked_for(request, selection), reason, cast(User, request.user), source=request)
    if count:
        messages.success(
            request, f"Excluded from Xero: {texts.invoices(count)}. They are left out of uploads until included again."
        )
    else:
        messages.warning(request, "Nothing was set aside. Tick invoices that are neither in Xero nor on their way.")
    return _back(request, selection)


@require_POST
@role_required(*roles.FINANCE)
def take_up(request: HttpRequest) -> HttpResponseBase:
    """Let the ignored invoice named by `only` go to Xero again."""
    selection = Selection.from_query(request.POST)
    if selection is None:
        return redirect("invoice_list")
    count = ignoring.take_up(selection.chosen(request.POST.getlist("only")), source=request)
    messages.success(request, f"Included again: {texts.invoices(count)}.")
    return _back(request, selection)


def _asked_for(request: HttpRequest, selection: Selection) -> InvoiceQuerySet:
    if "all" in request.POST:
        return selection.invoices().uploadable()
    return selection.chosen(request.POST.getlist("invoice"))


def _back(request: HttpRequest, selection: Selection) -> HttpResponse:
    if "page" in request.POST:
        found = selection.chosen([request.POST["page"]]).first()
        if found:
            return redirect(found)
    return redirect(f"{reverse('invoice_list')}?{selection.query()}")
