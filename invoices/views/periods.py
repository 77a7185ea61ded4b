"""Billing periods: the sheet that closes one, and which are closed."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from c3portal.audit import downloads
from c3portal.audit.downloads import Download
from c3portal.audit.record import Action, record
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.closing import closing, export, others, sheet
from invoices.home import figures
from invoices.home.figures import Amount
from invoices.models import BillingPeriod, Invoice, OthersInXero, PeriodClosing
from xero_integration.client.errors import XeroError
from xero_integration.models import XeroConnection

PERIODS_A_PAGE = 24
EXCLUDED_A_PAGE = 50


@require_safe
@role_required(*roles.ALL)
def periods(request: HttpRequest) -> HttpResponseBase:
    """List the billing periods, the newest first, and which are closed."""
    is_closed = Exists(PeriodClosing.objects.filter(period=OuterRef("pk"), reopened_at=None))
    page = Paginator(BillingPeriod.objects.annotate(is_closed=is_closed), PERIODS_A_PAGE).get_page(
        request.GET.get("page")
    )
    sums = figures.billed([each.pk for each in page])
    rows = [(each, sums.get(each.pk, Amount())) for each in page]
    return render(request, "invoices/period/list.html", {"page": page, "rows": rows})


@require_safe
@role_required(*roles.ALL)
def period_sheet(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show the sheet that closes a period."""
    period = get_object_or_404(BillingPeriod, pk=pk)
    left_out = Invoice.objects.filter(period=period).exclude(ignored_because="")
    excluded = left_out.select_related("customer", "ignored_by").order_by("number")
    # On paper there is no next page.
    at_once = max(1, excluded.count()) if "all" in request.GET else EXCLUDED_A_PAGE
    context = {
        "sheet": sheet.of(period, timezone.localdate()),
        "period": period,
        "frame_period": period,
        "excluded": Paginator(excluded, at_once).get_page(request.GET.get("page")),
        "printed_at": timezone.now(),
    }
    return render(request, "invoices/period/page.html", context)


@require_safe
@role_required(*roles.ALL)
@downloads.download
def period_file(request: HttpRequest, pk: int) -> Download:
    """Download the period with every invoice and what became of it."""
    period = get_object_or_404(BillingPeriod, pk=pk)
    return Download(export.period_csv(period), f"period-{period.billing_id}.csv")


@require_POST
@role_required(*roles.FINANCE)
def period_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close the period; with something open only for a reason."""
    period = get_object_or_404(BillingPeriod, pk=pk)
    reason = request.POST.get("reason", "").strip()[: closing.LONGEST_REASON]
    now = sheet.of(period, timezone.localdate())
    if now.closing:
        messages.info(request, "It is closed already.")
    elif now.open and not reason:
        messages.error(request, "Something is open. Settle it, or say why the period is closed all the same.")
    elif closing.close(now, reason, cast(User, request.user), source=request):
        messages.success(request, f"Closed: {period}.")
    return redirect("period_sheet", pk=pk)


@require_POST
@role_required(*roles.FINANCE)
def period_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Open a closed period again."""
    period = get_object_or_404(BillingPeriod, pk=pk)
    if closing.reopen(period, cast(User, request.user), source=request):
        messages.success(request, f"Open again: {period}.")
    return redirect("period_sheet", pk=pk)


@require_POST
@role_required(*roles.FINANCE)
def period_others(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask Xero which documents of the period's days the portal did not make."""
    period = get_object_or_404(BillingPeriod, pk=pk)
    connection = XeroConnection.objects.current()
    if connection is None or not connection.is_usable:
        messages.error(request, "Xero cannot be asked: no organisation is connected.")
        return redirect("period_sheet", pk=pk)
    try:
        found = others.look(period, connection)
    except XeroError as error:
        messages.error(request, f"Xero could not be asked: {error}")
        return redirect("period_sheet", pk=pk)
    if isinstance(found, OthersInXero):
        record(
            request, Action.OPERATION, f"Looked in {connection.name} for others of {period.billing_id}: {found.count:,}"
        )
    else:
        messages.warning(request, found)
    return redirect("period_sheet", pk=pk)
