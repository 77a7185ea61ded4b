"""Reading posted documents from Xero by a click, and deciding about what was changed there."""

from __future__ import annotations

import json
import uuid
from typing import cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from c3portal.audit.record import Action, record
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.models import DocumentEvent, Invoice, Posting
from invoices.readback import decisions, page, reading
from invoices.readback import history as readback_history
from invoices.readback.store import Kept
from xero_integration.client.errors import XeroError
from xero_integration.models import XeroConnection


@role_required(*roles.FINANCE)
@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    """Read from Xero what became of the invoices of `period`, or of the one named by `page`."""
    rows, back = _asked_for(request)
    connection = XeroConnection.objects.filter(postings__in=rows).first()
    if connection is None:
        messages.info(request, "Nothing of this is in Xero, so there is nothing to read.")
    elif not connection.is_usable:
        messages.error(request, f"{connection.name} is not connected. Connect again, then refresh.")
    else:
        _read(request, connection, rows.filter(connection=connection))
    return redirect(back)


def _asked_for(request: HttpRequest) -> tuple[QuerySet[Posting], str]:
    posted = Posting.objects.filter(status=Posting.Status.POSTED)
    if page := request.POST.get("page"):
        try:
            pk = uuid.UUID(page)
        except ValueError as error:
            raise BadRequest("That is not the id of an invoice.") from error
        return posted.filter(invoice=pk), reverse("invoice", args=[pk])
    period = request.POST.get("period", "")
    back = f"{reverse('invoice_list')}?{urlencode({'period': period})}"
    return posted.filter(invoice__period__billing_id=period), back


def _read(request: HttpRequest, connection: XeroConnection, rows: QuerySet[Posting]) -> None:
    try:
        kept = reading.in_full(connection, rows, DocumentEvent.Source.POLL, click=True)
    except XeroError as error:
        messages.error(request, f"Xero could not be read, what is shown is as it was: {error}")
        return
    record(request, Action.OPERATION, f"Refreshed from {connection.name}: {_told(kept)}")
    messages.success(request, f"Read from {connection.name}: {_told(kept)}.")


def _told(kept: Kept) -> str:
    read = f"{kept.seen:,} document{'' if kept.seen == 1 else 's'}"
    return f"{read}, {len(set(kept.changed)):,} with news"


@role_required(*roles.ALL)
@require_safe
def history(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show what happened to an invoice's document, with what Xero's own history tells, which is read at most once a
    minute."""
    invoice = get_object_or_404(Invoice, pk=pk)
    posting = Posting.objects.select_related("invoice", "connection__token_set").filter(invoice=invoice).first()
    if posting is None:
        return redirect(invoice)
    problem = readback_history.read(posting)
    if "HX-Request" not in request.headers:
        if problem:
            messages.warning(request, problem)
        return redirect("invoice", pk=pk)
    context = {"document_events": page.events(posting), "history_problem": problem, "posting": posting}
    return render(request, "invoices/_document_events.html", context)


@role_required(*roles.FINANCE)
@require_POST
def accept(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Accept what Xero has of an invoice (`seen`: the edits that the page showed), for `reason`; with `exclude` set it
    aside."""
    posting = Posting.objects.select_related("invoice").filter(invoice=pk, status=Posting.Status.POSTED).first()
    reason, exclude = request.POST.get("reason", "").strip(), "exclude" in request.POST
    if not 0 < len(reason) <= decisions.LONGEST_REASON:
        messages.error(request, f"Say why, in at most {decisions.LONGEST_REASON} characters. Nothing was decided.")
    elif posting is None:
        messages.warning(request, "It is not in Xero any more. Look at it as it is now.")
    elif exclude and not decisions.is_excludable(posting):
        messages.error(request, "It is in Xero still, so it cannot be excluded. Nothing was decided.")
    elif decisions.accept(
        posting, reason, cast(User, request.user), seen=_seen(request), exclude=exclude, source=request
    ):
        messages.success(request, "Excluded: it is not posted again." if exclude else "Accepted as it is in Xero.")
    else:
        messages.warning(request, "It has changed again meanwhile, or someone decided. Look at it as it is now.")
    return redirect("invoice", pk=pk)


def _seen(request: HttpRequest) -> dict[str, dict[str, str]]:
    try:
        found = json.loads(request.POST.get("seen", ""))
    except ValueError as error:
        raise BadRequest("That is not what the page showed.") from error
    return found if isinstance(found, dict) else {}
