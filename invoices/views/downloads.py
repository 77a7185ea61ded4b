"""Downloads of a billing period."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from c3portal import at_a_time, roles
from invoices.downloads import DOWNLOADS
from invoices.models import BillingPeriod


@require_safe
@roles.role_required(*roles.ALL)
@at_a_time.download
def download(request: HttpRequest, kind: str) -> StreamingHttpResponse:
    """Stream the period's invoices, lines or payments (`kind`) as CSV."""
    if kind not in DOWNLOADS:
        raise Http404("There is no such download.")
    period = get_object_or_404(BillingPeriod, billing_id=request.GET.get("period", ""))
    return csv_response(DOWNLOADS[kind](period), f"c3-{kind}-{slugify(period.billing_id)}.csv")


def csv_response(pieces: Iterator[str], name: str) -> StreamingHttpResponse:
    """Return a CSV file to be saved as `name`, sent while it is made."""
    response = StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response
