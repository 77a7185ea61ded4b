"""*Post again*: from what was taken back, or found deleted or voided in Xero, to the preflight."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from c3portal.audit.record import Action, record
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.notifications import texts
from invoices.models import ChangeRequest, DocumentEvent, Invoice, Posting, Upload
from invoices.posting import taken_back
from invoices.preflight import upload_drafts
from invoices.readback import reading, states
from invoices.selection.selection import Selection
from invoices.views.uploading import missing_for_upload
from xero_integration.client.errors import XeroError
from xero_integration.client.vocabulary import GONE
from xero_integration.models import XeroConnection

FOUND_GONE = "Found deleted, voided or not shown any more in Xero, to be posted again."
NOT_ASKED = "Xero could not be asked once more for what it did not show, so nothing is posted again yet."


@require_POST
@role_required(*roles.FINANCE)
def post_again(request: HttpRequest) -> HttpResponseBase:
    """Lead the invoices of `upload`, of what was asked by `request`, or of the list's selection to the preflight: those
    that were taken back, and those whose documents Xero showed as deleted or voided, or shows no more."""
    postings, back = _asked_for(request)
    rows = postings.filter(invoice__ignored_because="")
    latest = rows.select_related("upload__connection").order_by("-upload").first()
    if latest is None:
        messages.info(request, "Nothing of this was in Xero: it is posted by UPLOAD TO XERO.")
        return redirect(back)
    upload = latest.upload
    may_set = roles.role_of(request.user) == roles.SYSTEM_ADMIN
    if problem := missing_for_upload(upload.connection, may_set=may_set, preflight=True):
        messages.error(request, problem)
        return redirect(back)
    of_organisation = rows.filter(connection=upload.connection)
    try:
        _look_once_more(upload.connection, of_organisation.filter(states.missing()))
    except XeroError as error:
        messages.error(request, f"{NOT_ASKED} {error}")
        return redirect(back)
    _take_back_gone(request, of_organisation)
    undone = Invoice.objects.filter(
        posting__in=rows.values("pk"), posting__connection=upload.connection, posting__status=Posting.Status.UNDONE
    )
    draft = upload_drafts.make_again(upload, undone, as_drafts=False, user=cast(User, request.user))
    if draft is None:
        messages.info(request, "Its documents are live in Xero. Take them back there first, then post again.")
        return redirect(back)
    return redirect(draft)


def _asked_for(request: HttpRequest) -> tuple[QuerySet[Posting], str]:
    try:
        if "upload" in request.POST:
            upload = get_object_or_404(Upload, pk=int(request.POST["upload"]))
            return Posting.objects.filter(upload=upload), upload.get_absolute_url()
        if "request" in request.POST:
            asked = get_object_or_404(ChangeRequest, pk=int(request.POST["request"]))
            return Posting.objects.filter(changes__request=asked), reverse("change_request", args=[asked.pk])
    except ValueError as error:
        raise BadRequest("That is no number.") from error
    selection = Selection.from_query(request.POST)
    if selection is None:
        return Posting.objects.none(), reverse("invoice_list")
    page, ticked = request.POST.get("page"), request.POST.getlist("invoice")
    chosen = selection.invoices() if "all" in request.POST else selection.chosen([page] if page else ticked)
    back = reverse("invoice", args=[page]) if page else f"{reverse('invoice_list')}?{selection.query()}"
    # By their keys: what is taken back leaves the state that the list was filtered by.
    keys = list(chosen.order_by().values_list("pk", flat=True))
    return Posting.objects.filter(invoice__in=keys), back


def _look_once_more(connection: XeroConnection, missing: QuerySet[Posting]) -> None:
    """Read those that Xero did not show: what it shows by now is not posted again. Raises XeroError."""
    if missing.exists():
        reading.by_id(connection, missing, DocumentEvent.Source.POLL, click=True)


def _take_back_gone(request: HttpRequest, rows: QuerySet[Posting]) -> None:
    ended = rows.filter(states.gone()).values_list("xero_id", "xero_status").distinct()
    gone = {xero_id: status if status in GONE else taken_back.NOT_SHOWN for xero_id, status in ended}
    if not gone:
        return
    with transaction.atomic():
        taken = taken_back.take_back(gone, why=FOUND_GONE, user=cast(User, request.user))
        if not taken:
            return
        after = {"Documents": ", ".join(sorted(gone)), "To be posted again": taken}
        record(request, Action.WITHDRAW, f"{texts.invoices(taken)} found gone in Xero", after=after)
