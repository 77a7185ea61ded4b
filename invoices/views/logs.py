"""VIEW POST LOGS: the uploads, and what became of each invoice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, F, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from c3portal.audit.record import Action, record
from c3portal.database import clock
from c3portal.http import confirmation
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.notifications import texts
from invoices.documents.rules import Fix
from invoices.models import DocumentType, Invoice, Posting, PostLog, Upload
from invoices.models.statuses import IN_PROGRESS
from invoices.posting import reconciliation, transitions, twins
from invoices.preflight import refused, upload_drafts
from invoices.readback import states
from invoices.selection import tracks
from invoices.selection.selection import DIFFERS, totals
from invoices.views.next_steps import next_step
from invoices.views.tables import PostingTable, arrange
from invoices.views.uploading import missing_for_upload
from xero_integration.client.errors import XeroError
from xero_integration.models import XeroConnection

UPLOADS_A_PAGE = 20
MOVED_ROWS_SHOWN = 100
TWINS_SHOWN = 100
INVOICES_SHOWN = 50
CAUSES_SHOWN = 20
INVOICES_OF_A_CAUSE = 20


@dataclass(frozen=True)
class Progress:
    """How far an upload has come: counts by status, and how many have `moved` to a later upload."""

    counts: dict[str, int]
    moved: int

    @property
    def here(self) -> int:
        return sum(self.counts.values())

    @property
    def total(self) -> int:
        return self.here + self.moved

    @property
    def waiting(self) -> int:
        return self.counts.get(Posting.Status.QUEUED, 0)

    @property
    def in_progress(self) -> int:
        return sum(self.counts.get(status, 0) for status in IN_PROGRESS)

    @property
    def done(self) -> int:
        return self.total - self.in_progress

    @property
    def uncertain(self) -> int:
        return self.counts.get(Posting.Status.UNCERTAIN, 0)

    @property
    def rejected(self) -> int:
        return self.counts.get(Posting.Status.REJECTED, 0)

    @property
    def by_state(self) -> list[dict[str, Any]]:
        """Return the states that occur, with label and count, in the order of posting."""
        return [
            {"status": status.value, "label": status.label, "count": self.counts[status]}
            for status in Posting.Status
            if self.counts.get(status)
        ]


def progress_of(uploads: list[Upload]) -> dict[int, Progress]:
    """Return each upload's progress by its id, in two queries."""
    keys = [upload.pk for upload in uploads]
    counts: dict[int, dict[str, int]] = {key: {} for key in keys}
    rows = Posting.objects.filter(upload__in=keys).values_list("upload", "status").annotate(Count("pk"))
    for key, status, count in rows:
        counts[key][status] = count
    # An invoice that was uploaded again belongs to the later upload; the earlier counts it as moved.
    moved = dict(
        PostLog.objects.filter(upload__in=keys)
        .exclude(invoice__posting__upload=F("upload"))
        .order_by()
        .values_list("upload")
        .annotate(Count("invoice", distinct=True))
    )
    return {key: Progress(counts[key], moved.get(key, 0)) for key in keys}


@require_safe
@role_required(*roles.ALL)
def post_logs(request: HttpRequest) -> HttpResponseBase:
    """List the uploads, newest first; with `q` those that an id or a number belongs to, and the invoices."""
    sought = request.GET.get("q", "").strip()[: tracks.LONGEST_SOUGHT]
    uploads = Upload.objects.select_related("connection", "period", "created_by")
    if sought:
        uploads = uploads.filter(pk__in=tracks.uploads_with(sought).values("pk"))
    page = Paginator(uploads, UPLOADS_A_PAGE).get_page(request.GET.get("page"))
    progress = progress_of(list(page))
    rows = [{"upload": upload, "progress": progress[upload.pk]} for upload in page]
    context = {
        "page": page,
        "rows": rows,
        "sought": sought,
        "invoices": tracks.invoices_with(sought).order_by("number")[:INVOICES_SHOWN] if sought else (),
        "refresh": _refresh_seconds(upload.connection for upload in page if progress[upload.pk].in_progress),
    }
    template = "invoices/_logs_live.html" if "HX-Request" in request.headers else "invoices/logs.html"
    return render(request, template, context)


@require_safe
@role_required(*roles.ALL)
def upload(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show what became of each invoice of an upload, in the `state` asked for."""
    found = get_object_or_404(Upload.objects.select_related("connection", "period", "created_by"), pk=pk)
    progress = progress_of([found])[found.pk]
    state = request.GET.get("state", "")
    if state and state != DIFFERS and state not in Posting.Status.values:
        raise BadRequest(f"There is no state {state!r}.")
    posted = Posting.objects.filter(upload=found, status=Posting.Status.POSTED).aggregate(
        differing=Count("pk", filter=~Q(total_difference=0)),
        notes=Count("pk", filter=Q(document_type=DocumentType.CREDIT_NOTE)),
        there=Count("pk", filter=~states.gone()),
        gone=Count("pk", filter=states.gone() & Q(invoice__ignored_because="")),
    )
    context = {
        "upload": found,
        "progress": progress,
        "state": state,
        "differing": posted["differing"],
        "table": arrange(PostingTable(_postings(found, state)), request),
        "moved": _moved_on(found) if progress.moved else [],
        "moved_rows": _moved_rows(found) if progress.moved else [],
        "twins": twins.of(found)[:TWINS_SHOWN],
        **(_why_refused(found, request) if progress.rejected else {}),
        "may_take_back": bool(posted["there"]),
        "may_post_again": posted["gone"] + progress.counts.get(Posting.Status.UNDONE, 0),
        "may_check": bool(progress.uncertain or posted["notes"]),
        "refresh": _refresh_seconds([found.connection] if progress.in_progress else []),
    }
    template = "invoices/_upload_live.html" if "HX-Request" in request.headers else "invoices/upload.html"
    return render(request, template, context)


@require_POST
@role_required(*roles.FINANCE)
def upload_again(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Lead an upload's refused invoices, or the one named by `invoice`, through the preflight again, for the same
    organisation; with `drafts` what lies in a locked period goes as drafts."""
    found = get_object_or_404(Upload.objects.select_related("connection"), pk=pk)
    may_set = roles.role_of(request.user) == roles.SYSTEM_ADMIN
    if problem := missing_for_upload(found.connection, may_set=may_set, preflight=True):
        messages.error(request, problem)
        return redirect(found)
    draft = upload_drafts.make_again(
        found,
        _refused(found, request.POST.get("invoice", "")),
        as_drafts="drafts" in request.POST,
        user=cast(User, request.user),
    )
    if draft is None:
        messages.info(request, "Nothing is left to upload again: none of these is rejected any more, or is excluded.")
        return redirect(found)
    return redirect(draft)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def upload_withdraw(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Ask, then take back the invoices of an upload that still wait."""
    found = get_object_or_404(Upload.objects.select_related("connection"), pk=pk)
    if request.method != "POST":
        return _ask_to_withdraw(request, found)
    with transaction.atomic():
        taken = transitions.withdraw(Posting.objects.filter(upload=found), cast(User, request.user))
        if taken:
            after = {"Organisation": found.connection.name, "Invoices": taken, "Upload": found.pk}
            record(request, Action.WITHDRAW, f"{taken:,} withdrawn from {found}", after=after)
    what = "1 invoice was" if taken == 1 else f"{taken:,} invoices were"
    where = found.connection.name
    messages.success(
        request, f"{what} taken back before being sent to {where}. They can be uploaded again at any time."
    )
    return redirect(found)


def _ask_to_withdraw(request: HttpRequest, found: Upload) -> HttpResponseBase:
    waiting = found.postings.filter(status=Posting.Status.QUEUED)
    sums = totals(Invoice.objects.filter(posting__in=waiting))
    follows = (
        f"{texts.invoices(waiting.count())} of {found}, over "
        f"{', '.join(f'{each.currency} {each.total:,.2f}' for each in sums) or 'nothing'}, not sent to "
        f"{found.connection.name} yet. What is sent until you press the button is not taken back.",
        "They can be uploaded again at any time.",
    )
    return confirmation.ask(request, "Take back what still waits?", follows, "Withdraw", back=found.get_absolute_url())


@require_POST
@role_required(*roles.FINANCE)
def upload_check(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Look in Xero for an upload's uncertain invoices, and for its credit notes that are there more than once."""
    found = get_object_or_404(Upload.objects.select_related("connection"), pk=pk)
    uncertain = Posting.objects.filter(upload=found, status=Posting.Status.UNCERTAIN)
    try:
        settled = reconciliation.reconcile(found.connection, only=list(uncertain.values_list("pk", flat=True)))
        twice = twins.compare(found.connection, twins.comparable(found), click=True)
    except XeroError as error:
        messages.error(request, f"{found.connection.name} could not be asked in Xero now: {error}")
        return redirect(found)
    left = uncertain.count()
    after = {"Organisation": found.connection.name, "Upload": found.pk, "Settled": settled, "Not seen there yet": left}
    after["There more than once"] = twice
    record(request, Action.OPERATION, "Xero was asked for invoices whose outcome is unknown", after=after)
    what = f"{settled:,} settled" if settled or left or twice else "nothing is in doubt"
    messages.info(request, f"Checked with Xero, {found.connection.name}: {what}.")
    if twice:
        messages.error(request, f"{texts.credit_notes(twice)} in Xero more than once: see below.")
    if left:
        messages.info(
            request,
            f"{left:,} not seen there yet. Xero may still be at work on them, so nothing is sent again before the next "
            "look, which comes by itself.",
        )
    return redirect(found)


def _postings(found: Upload, state: str) -> QuerySet[Posting]:
    postings = Posting.objects.filter(upload=found).select_related(
        "invoice__customer", "invoice__bill_to", "connection"
    )
    if state == DIFFERS:
        return postings.filter(status=Posting.Status.POSTED).exclude(total_difference=0)
    return postings.filter(status=state) if state else postings


def _moved_on(found: Upload) -> QuerySet[Upload]:
    """Return the later uploads that now carry invoices of this one."""
    logged = PostLog.objects.filter(upload=found).values("invoice")
    return Upload.objects.filter(postings__invoice__in=logged).exclude(pk=found.pk).distinct()


def _moved_rows(found: Upload) -> list[PostLog]:
    """Return the last line here of each invoice that was uploaded again later."""
    lines = PostLog.objects.filter(upload=found).exclude(invoice__posting__upload=found)
    last = lines.order_by().values("invoice").annotate(last=Max("pk")).values("last")
    rows = PostLog.objects.filter(pk__in=last).select_related("invoice", "invoice__customer", "invoice__posting")
    return list(rows.order_by("invoice__number")[:MOVED_ROWS_SHOWN])


def _why_refused(found: Upload, request: HttpRequest) -> dict[str, Any]:
    """Return the causes of an upload's refusals, each with its invoices and what mends it."""
    postings = _postings(found, Posting.Status.REJECTED).defer("sent_facts", "edits").order_by("invoice__number")
    causes = refused.groups(postings.filter(invoice__ignored_because=""))
    may_set = roles.role_of(request.user) == roles.SYSTEM_ADMIN
    shown = [
        {
            "problem": cause.problem,
            "count": len(cause.invoices),
            "invoices": cause.invoices[:INVOICES_OF_A_CAUSE],
            "more": len(cause.invoices) - INVOICES_OF_A_CAUSE,
            "next_step": next_step(cause.problem, found.get_absolute_url(), may_set=may_set),
            "as_drafts": cause.problem.fix == Fix.DRAFTS,
            "ask_admin": cause.problem.fix == Fix.SETTINGS and not may_set,
        }
        for cause in causes[:CAUSES_SHOWN]
    ]
    return {"refused": shown, "more_causes": len(causes) - CAUSES_SHOWN}


def _refused(found: Upload, invoice_id: str) -> QuerySet[Invoice]:
    """Return the upload's refused invoices, or the one with this id. Raises BadRequest."""
    refused = Invoice.objects.filter(posting__upload=found, posting__status=Posting.Status.REJECTED)
    if not invoice_id:
        return refused
    try:
        return refused.filter(pk=invoice_id)
    except ValidationError as error:
        raise BadRequest("That is not the id of an invoice.") from error


def _refresh_seconds(at_work: Iterable[XeroConnection]) -> int:
    """Return how often (seconds, 0 for never) the page should ask again."""
    now = clock.now()
    waits = [not connection.is_usable or connection.is_paused(now) for connection in at_work]
    if not waits:
        return 0
    # A page left open over a daily limit would otherwise ask forty thousand times.
    return 30 if all(waits) else 2
