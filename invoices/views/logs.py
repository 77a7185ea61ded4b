"""VIEW POST LOGS: the uploads, and the log of what happened to each invoice as a file."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from c3portal.audit import downloads
from c3portal.audit.downloads import Download
from c3portal.database import clock
from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.models import Invoice, PostLog, Upload
from invoices.posting import progress
from invoices.posting.progress import Line
from invoices.selection.log_exports import log_csv
from invoices.selection.uploads import LogsForm
from invoices.templatetags.pace import spoken
from invoices.views.refreshing import refresh_seconds

UPLOADS_A_PAGE = 20
INVOICES_SHOWN = 50


@dataclass(frozen=True)
class Row:
    """A line as the table writes it: most of a page's time would go into writing its numbers one by one."""

    line: Line
    url: str
    who: str
    total: str
    money: list[tuple[str, Decimal]]
    in_xero: str
    rejected: str
    in_progress: str
    took: str


@require_safe
@role_required(*roles.ALL)
def post_logs(request: HttpRequest) -> HttpResponseBase:
    """List the uploads that the form asks for, newest first, and the invoices that `q` is the number or an id of."""
    form = LogsForm(request.GET)
    uploads = form.uploads().select_related("connection", "period", "created_by")
    page = Paginator(progress.with_end(uploads), UPLOADS_A_PAGE).get_page(request.GET.get("page"))
    now = clock.now()
    lines = progress.lines(page, now)
    asked = request.GET.copy()
    asked.pop("page", None)
    context = {
        "form": form,
        "page": page,
        "rows": [_row(each) for each in lines],
        "sought": form.sought,
        "is_asked": any(asked.values()),
        "query": asked.urlencode(),
        "invoices": Invoice.objects.filter(pk__in=form.invoices).order_by("number")[:INVOICES_SHOWN]
        if form.invoices
        else (),
        "refresh": refresh_seconds((each.upload.connection for each in lines if each.progress.in_progress), now),
    }
    template = "invoices/_logs_live.html" if "HX-Request" in request.headers else "invoices/logs.html"
    return render(request, template, context)


@require_safe
@role_required(*roles.ALL)
@downloads.download
def post_logs_csv(request: HttpRequest) -> Download:
    """Download every attempt of what the form asks for."""
    return Download(log_csv(LogsForm(request.GET).lines()), "post-logs.csv")


@require_safe
@role_required(*roles.ALL)
@downloads.download
def upload_log(request: HttpRequest, pk: int) -> Download:
    """Download every attempt of an upload."""
    found = get_object_or_404(Upload, pk=pk)
    return Download(log_csv(PostLog.objects.filter(upload=found)), f"upload-{found.pk}-log.csv")


def _row(line: Line) -> Row:
    upload, now = line.upload, line.progress
    return Row(
        line=line,
        url=upload.get_absolute_url(),
        who=str(upload.created_by or "A former user"),
        total=f"{now.total:,}",
        money=[(code, Decimal(total)) for code, total in sorted((upload.invoiced or {}).items())],
        in_xero=f"{now.in_xero:,}",
        rejected=f"{now.rejected:,}",
        in_progress=f"{now.in_progress:,}",
        took=spoken(line.took),
    )
