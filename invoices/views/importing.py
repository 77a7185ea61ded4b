"""A file of invoice lines comes in, what it would bring, and what became of it."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from c3portal.audit.downloads import Download, download
from c3portal.http.permissions import role_required
from c3portal.http.request_limits import takes_a_file
from c3portal.models import User, roles
from invoices.importing import in_hand, intake
from invoices.importing.forms import ImportForm, import_limit
from invoices.importing.progress import bytes_done
from invoices.models import ImportFinding, ImportRun, ImportSettings, Invoice
from invoices.selection import held_back
from invoices.selection.exports import findings_csv

RUNS_SHOWN = 20
FINDINGS_SHOWN = 50
REFRESH_SECONDS = 2
Kind, State = ImportFinding.Kind, ImportRun.State
# A worker has it, or will.
WITH_A_WORKER = (State.WAITING, State.RUNNING)
NOT_WAITING = "This import did not wait for that any more: below is where it stands."
TITLES: dict[str, str] = {
    Kind.ERROR: "Errors",
    Kind.HELD_BACK: "Why invoices were held back",
    Kind.DIFFERENCE: "What differs from what was sent",
}
FILE_NAMES: dict[str, str] = {Kind.ERROR: "errors", Kind.HELD_BACK: "held-back", Kind.DIFFERENCE: "differences"}


@takes_a_file(import_limit, *roles.FINANCE)
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def import_invoices(request: HttpRequest) -> HttpResponseBase:
    """Take a file for a worker to look through, or show the form and the imports so far."""
    form = _form(request)
    if form.is_bound and form.is_valid():
        file = cast(TemporaryUploadedFile, form.cleaned_data["file"])
        run = intake.receive(
            file.temporary_file_path(),
            file.name or "",
            cast(User, request.user),
            source=request,
            all_or_nothing=form.cleaned_data["all_or_nothing"],
        )
        return redirect(run)
    context = {
        "form": form,
        "runs": ImportRun.objects.select_related("user")[:RUNS_SHOWN],
        "max_bytes": import_limit(),
        "held_back": held_back.count_open(),
    }
    return render(request, "invoices/import.html", context)


def _form(request: HttpRequest) -> ImportForm:
    if request.method == "POST":
        return ImportForm(request.POST, request.FILES)
    return ImportForm(initial={"all_or_nothing": ImportSettings.objects.filter(all_or_nothing=True).exists()})


@require_safe
@role_required(*roles.FINANCE)
def import_run(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show where an import stands: how far a worker is, what would come in, or what did."""
    run = get_object_or_404(ImportRun.objects.select_related("user", "period", "undone_by"), pk=pk)
    is_partial = "HX-Request" in request.headers
    if run.state == State.COLUMNS:
        return _to(reverse("match_columns", args=[run.pk]), is_partial=is_partial)
    template = "invoices/imports/_run.html" if is_partial else "invoices/import_run.html"
    return render(request, template, {"run": run, **_of_state(run)})


def _to(address: str, *, is_partial: bool) -> HttpResponse:
    # What htmx asks for takes the place of a part of the page; this one leaves it.
    return HttpResponse(headers={"HX-Redirect": address}) if is_partial else redirect(address)


def _of_state(run: ImportRun) -> dict[str, Any]:
    """Return what the page shows of a run in its state."""
    if run.state in WITH_A_WORKER and run.stored_as:
        return {
            "refresh": REFRESH_SECONDS,
            "in_hand": run.lease_until is not None,
            "nobody": not in_hand.is_anybody_there(),
            "behind": in_hand.is_behind_another(run),
            "done": bytes_done(run),
            # Read to be checked, and read again to be written.
            "whole": run.size * (2 if run.state == State.RUNNING else 1),
        }
    if run.state == State.READY:
        return {"preview": run.preview}
    return {"lists": [_listed(run, kind) for kind in Kind if run.findings.filter(kind=kind).exists()]}


def _listed(run: ImportRun, kind: str) -> dict[str, Any]:
    found = run.findings.filter(kind=kind)
    rows = _with_invoices(list(found[:FINDINGS_SHOWN]))
    return {
        "kind": kind,
        "title": TITLES[kind],
        "rows": rows,
        "count": found.count(),
        "differs": kind == Kind.DIFFERENCE,
    }


def _with_invoices(findings: list[ImportFinding]) -> list[tuple[ImportFinding, Invoice | None]]:
    known = Invoice.objects.in_bulk([finding.invoice_number for finding in findings], field_name="number")
    return [(finding, known.get(finding.invoice_number)) for finding in findings]


@require_POST
@role_required(*roles.FINANCE)
def import_start(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Have imported what the dry run showed."""
    run = get_object_or_404(ImportRun, pk=pk)
    if not intake.start(run, cast(User, request.user), source=request):
        messages.warning(request, NOT_WAITING)
    return redirect(run)


@require_POST
@role_required(*roles.FINANCE)
def import_match(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Have the columns matched anew of a file that waits to be imported."""
    run = get_object_or_404(ImportRun, pk=pk)
    if not intake.ask(run):
        messages.warning(request, NOT_WAITING)
    return redirect(run)


@require_POST
@role_required(*roles.FINANCE)
def import_discard(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Forget a file that waits for a person."""
    run = get_object_or_404(ImportRun, pk=pk)
    if intake.discard(run, cast(User, request.user), source=request):
        messages.success(request, f"{run.file_name} was discarded. Nothing of it was imported.")
        return redirect("import_invoices")
    messages.warning(request, NOT_WAITING)
    return redirect(run)


@require_safe
@role_required(*roles.FINANCE)
@download
def import_errors(request: HttpRequest, pk: int) -> Download:
    """Download everything that an import found, or what is of one `kind`."""
    run = get_object_or_404(ImportRun, pk=pk)
    kind = request.GET.get("kind", "")
    what = FILE_NAMES.get(kind, "findings")
    return Download(findings_csv(run, kind if kind in FILE_NAMES else ""), f"import-{run.pk}-{what}.csv")
