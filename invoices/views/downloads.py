"""Downloads of a billing period."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from c3portal.audit import downloads
from c3portal.audit.downloads import Download
from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.models import BillingPeriod
from invoices.selection.exports import DOWNLOADS, csv_of
from invoices.selection.selection import Selection


@require_safe
@role_required(*roles.ALL)
@downloads.download
def download(request: HttpRequest, kind: str) -> Download:
    """Stream the period's invoices, lines or payments (`kind`) as CSV; of invoices those that search, state and filters
    find, named as on the list. Raises Http404, BadRequest."""
    if kind not in DOWNLOADS:
        raise Http404("There is no such download.")
    period = get_object_or_404(BillingPeriod, billing_id=request.GET.get("period", ""))
    if kind == "invoices" and (selection := Selection.from_query(request.GET)) and selection != Selection(period):
        return Download(csv_of(selection.invoices()), f"c3-invoices-{slugify(period.billing_id)}-filtered.csv")
    return Download(DOWNLOADS[kind](period), f"c3-{kind}-{slugify(period.billing_id)}.csv")
