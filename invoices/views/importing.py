"""A file of invoice lines comes in, and what became of it."""

from __future__ import annotations

from typing import cast

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from c3portal.audit.downloads import Download, download
from c3portal.http.permissions import role_required
from c3portal.http.request_limits import takes_a_file
from c3portal.models import User, roles
from invoices.importing.forms import ImportForm, import_limit
from invoices.importing.importer import import_file
from invoices.models import ImportFinding, ImportRun, Invoice
from invoices.selection.exports import findings_csv

RUNS_SHOWN = 20
FINDINGS_SHOWN = 50


@takes_a_file(import_limit, *roles.FINANCE)
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def import_invoices(request: HttpRequest) -> HttpResponseBase:
    """Take a file and import it, or show the form and the imports so far."""
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_bound and form.is_valid():
        file = cast(TemporaryUploadedFile, form.cleaned_data["file"])
        user = cast(User, request.user)
        return redirect(import_file(file.temporary_file_path(), user=user, name=file.name or "", source=request))
    context = {
        "form": form,
        "runs": ImportRun.objects.select_related("user")[:RUNS_SHOWN],
        "max_bytes": import_limit(),
    }
    return render(request, "invoices/import.html", context)


@require_safe
@role_required(*roles.FINANCE)
def import_run(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show how an import went, with the first of what it found."""
    run = get_object_or_404(ImportRun.objects.select_related("user", "period"), pk=pk)
    context = {
        "run": run,
        "findings": _with_invoices(list(run.findings.all()[:FINDINGS_SHOWN])),
        "findings_count": run.errors or run.invoices_differing,
    }
    return render(request, "invoices/import_run.html", context)


@require_safe
@role_required(*roles.FINANCE)
@download
def import_errors(request: HttpRequest, pk: int) -> Download:
    """Download everything that an import found."""
    run = get_object_or_404(ImportRun, pk=pk)
    return Download(findings_csv(run), f"import-{run.pk}-{'errors' if run.errors else 'differences'}.csv")


def _with_invoices(findings: list[ImportFinding]) -> list[tuple[ImportFinding, Invoice | None]]:
    known = Invoice.objects.in_bulk([finding.invoice_number for finding in findings], field_name="number")
    return [(finding, known.get(finding.invoice_number)) for finding in findings]
