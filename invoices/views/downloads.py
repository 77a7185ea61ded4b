"""Downloads of a billing period, of what the list's filter finds, and of what is ticked there."""

from __future__ import annotations

from collections.abc import Container

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from c3portal.audit import downloads
from c3portal.audit.downloads import Download
from c3portal.http import xlsx_response
from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.models import BillingPeriod, Invoice
from invoices.models.billing import InvoiceQuerySet
from invoices.selection.exports import DOWNLOADS, WORKBOOKS, csv_of, xlsx_of
from invoices.selection.selection import Selection

FORMATS = ("csv", "xlsx")


@require_safe
@role_required(*roles.ALL)
@downloads.download
def download(request: HttpRequest, kind: str) -> Download:
    """Stream the period's invoices, lines or payments (`kind`) as CSV; of invoices those that search, state and filters
    find, named as on the list. Raises Http404, BadRequest."""
    period, filtered = _asked_for(request, kind, DOWNLOADS)
    if filtered is not None:
        return _file(filtered, f"{_name(period)}-filtered", "csv")
    return Download(DOWNLOADS[kind](period), f"{_name(period, kind)}.csv")


@require_safe
@role_required(*roles.ALL)
@downloads.download
def download_xlsx(request: HttpRequest, kind: str) -> Download:
    """The period's invoices or payments as a workbook; all as for `download`."""
    period, filtered = _asked_for(request, kind, WORKBOOKS)
    if filtered is not None:
        return _file(filtered, f"{_name(period)}-filtered", "xlsx")
    return Download(WORKBOOKS[kind](period), f"{_name(period, kind)}.xlsx", xlsx_response.CONTENT_TYPE)


@require_POST
@role_required(*roles.ALL)
@downloads.download
def download_selected(request: HttpRequest) -> HttpResponseBase:
    """Stream the ticked invoices (`invoice`), or with `all` those of the filter (with `of=uploadable` what of them may
    be uploaded, as the list then counts them), `as` CSV or workbook. Raises Http404, BadRequest."""
    kind = request.POST.get("as", "")
    if kind not in FORMATS:
        raise BadRequest("There is no such kind of file.")
    selection = Selection.from_query(request.POST)
    if selection is None:
        return redirect("invoice_list")
    invoices = _selected(request, selection)
    if not invoices.exists():
        messages.warning(request, "Nothing was selected. Tick the invoices to download, or all of the filter.")
        return redirect(f"{reverse('invoice_list')}?{selection.query()}")
    file = _file(invoices, f"{_name(selection.period)}-selected", kind)
    file.asked_for = f"{invoices.count():,} selected of {selection.query()}"
    return file


def _asked_for(
    request: HttpRequest, kind: str, offered: Container[str]
) -> tuple[BillingPeriod, QuerySet[Invoice] | None]:
    """Return the period, and those of its invoices that are looked for, None where nothing is."""
    if kind not in offered:
        raise Http404("There is no such download.")
    period = get_object_or_404(BillingPeriod, billing_id=request.GET.get("period", ""))
    if kind == "invoices" and (selection := Selection.from_query(request.GET)) and selection != Selection(period):
        return period, selection.invoices()
    return period, None


def _selected(request: HttpRequest, selection: Selection) -> InvoiceQuerySet:
    if "all" not in request.POST:
        return selection.chosen(request.POST.getlist("invoice"))
    found = selection.invoices()
    return found.uploadable() if request.POST.get("of") == "uploadable" else found


def _file(invoices: QuerySet[Invoice], name: str, kind: str) -> Download:
    if kind == "xlsx":
        return Download(xlsx_of(invoices), f"{name}.xlsx", xlsx_response.CONTENT_TYPE)
    return Download(csv_of(invoices), f"{name}.csv")


def _name(period: BillingPeriod, kind: str = "invoices") -> str:
    return f"c3-{kind}-{slugify(period.billing_id)}"
