"""Settings → Audit, where nothing can be changed."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from c3portal.audit import search
from c3portal.audit.downloads import Download, download
from c3portal.audit.search import COLUMNS, TrailForm
from c3portal.http.csv_response import as_csv
from c3portal.http.permissions import role_required
from c3portal.models import User, roles


@require_safe
@role_required(roles.SYSTEM_ADMIN)
def audit_record(request: HttpRequest) -> HttpResponse:
    """Show what the form asks for: from the id `before` downwards, or `after` upwards."""
    form = TrailForm(request.GET)
    page = search.page(form.entries(), before=_id(request, "before"), after=_id(request, "after"))
    kept = request.GET.copy()
    for name in ("before", "after"):
        kept.pop(name, None)
    context = {
        "form": form,
        "page": page,
        "people": User.objects.order_by("email").values_list("email", flat=True),
        "query": kept.urlencode(),
        "is_asked": any(kept.values()),
    }
    return render(request, "audit/record.html", context)


@require_safe
@role_required(roles.SYSTEM_ADMIN)
@download
def audit_csv(request: HttpRequest) -> Download:
    """Download it as CSV, safe for a spreadsheet."""
    rows = search.rows(TrailForm(request.GET).entries())
    return _file(as_csv(COLUMNS, rows), "text/csv; charset=utf-8", "csv")


@require_safe
@role_required(roles.SYSTEM_ADMIN)
@download
def audit_jsonl(request: HttpRequest) -> Download:
    """Download it as JSON, an entry a line."""
    return _file(search.json_lines(TrailForm(request.GET).entries()), "application/jsonl", "jsonl")


def _file(pieces: Iterator[str], content_type: str, ending: str) -> Download:
    return Download(pieces, f"audit-{timezone.localdate().isoformat()}.{ending}", content_type)


def _id(request: HttpRequest, name: str) -> int | None:
    given = request.GET.get(name, "")
    if given and not (given.isascii() and given.isdigit() and len(given) < 19):
        raise BadRequest("That is not the id of an entry.")
    return int(given) if given else None
