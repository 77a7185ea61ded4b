"""What a person may do with a whole upload, beside what its documents allow."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from c3portal.audit.record import Action, record
from c3portal.formats import amounts
from c3portal.http import confirmation
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.notifications import texts
from invoices.attention import of_upload
from invoices.models import Invoice, Posting, Upload
from invoices.posting import reconciliation, transitions, twins
from invoices.preflight import upload_drafts
from invoices.selection.selection import totals
from invoices.views.uploading import missing_for_upload
from xero_integration.client.errors import XeroError


@require_POST
@role_required(*roles.FINANCE)
def upload_again(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Lead an upload's refused invoices, the one named by `invoice`, or those of a `cause`, through the preflight
    again, for the same organisation; with `drafts` what lies in a locked period goes as drafts."""
    found = get_object_or_404(Upload.objects.select_related("connection"), pk=pk)
    cause = request.POST.get("cause", "")
    invoices = of_upload.invoices_with(found, cause) if cause else _refused(found, request.POST.get("invoice", ""))
    return upload_again_with(request, found, invoices)


def upload_again_with(request: HttpRequest, found: Upload, invoices: QuerySet[Invoice]) -> HttpResponse:
    """Lead these of an upload's invoices to the preflight, for its own organisation."""
    may_set = roles.role_of(request.user) == roles.SYSTEM_ADMIN
    if problem := missing_for_upload(found.connection, may_set=may_set, preflight=True):
        messages.error(request, problem)
        return redirect(found)
    draft = upload_drafts.make_again(
        found,
        invoices,
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
    sums = totals(Invoice.objects.filter(posting__upload=found, posting__status=Posting.Status.QUEUED))
    follows = (
        f"{texts.invoices(sum(each.count for each in sums))} of {found}, over "
        f"{', '.join(amounts.written(each.total, each.currency) for each in sums) or 'nothing'}, not sent to "
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


def _refused(found: Upload, invoice_id: str) -> QuerySet[Invoice]:
    """Return the upload's refused invoices, or the one with this id. Raises BadRequest."""
    refused = Invoice.objects.filter(posting__upload=found, posting__status=Posting.Status.REJECTED)
    if not invoice_id:
        return refused
    try:
        return refused.filter(pk=invoice_id)
    except ValidationError as error:
        raise BadRequest("That is not the id of an invoice.") from error
